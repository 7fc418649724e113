use super::*;

fn jq(filter: &str, input: &str) -> String {
    let line = Line { filter: Some(filter.into()), compact: true, ..Line::default() };
    let tokens = Lexer::new(filter).lex().expect("tokens");
    let term = parse(&tokens, filter).expect("a filter");
    let (values, _) = inputs(input);
    let (out, errors, _) = carry_out(&line, &term, &values, input, 0);
    (out + &errors.join("\n")).trim_end().replace('\n', " ")
}

const PODS: &str = r#"{"items":[{"metadata":{"name":"b","labels":{"app":"web","v":"1"}},"spec":{"n":2},"ok":true},
  {"metadata":{"name":"a","labels":{"app":"db"}},"spec":{"n":5},"ok":false}]}"#;

#[test]
fn what_people_type() {
    let rows = [
        (".items[].metadata.name", r#""b" "a""#),
        (".items | length", "2"),
        ("[.items[] | {name: .metadata.name, n: .spec.n}]", r#"[{"name":"b","n":2},{"name":"a","n":5}]"#),
        (".items[] | select(.spec.n > 3) | .metadata.name", r#""a""#),
        (".items | sort_by(.metadata.name) | .[0].metadata.name", r#""a""#),
        (".items | map(.spec.n) | add", "7"),
        (".items[0].metadata.labels | to_entries | map(\"\\(.key)=\\(.value)\") | join(\",\")", r#""app=web,v=1""#),
        (".items[] | \"\\(.metadata.name): \\(.spec.n + 1)\"", r#""b: 3" "a: 6""#),
        ("[.items[].metadata.labels.v // \"none\"]", r#"["1"]"#),
        ("[.items[] | .metadata.labels.v // \"none\"]", r#"["1","none"]"#),
        (".items[] | select(.metadata.labels.app | test(\"^w\")) | .metadata.name", r#""b""#),
        ("[.items[] | .metadata | keys]", r#"[["labels","name"],["labels","name"]]"#),
        (".items | group_by(.ok) | map(length)", "[1,1]"),
        (".items | map(select(.ok)) | length", "1"),
        ("[.items[].spec.n] | min, max", "2 5"),
        (".items[0] | del(.metadata, .spec)", r#"{"ok":true}"#),
        (".items[0].metadata.labels | with_entries(.value |= ascii_upcase)", r#"{"app":"WEB","v":"1"}"#),
        (".items[0].metadata.labels | has(\"v\"), has(\"w\")", "true false"),
        ("[.items[] | .spec.n] | any(. > 4), all(. > 4)", "true false"),
        ("[paths(type == \"number\")] | length", "2"),
        (".items[1:] | .[].metadata.name", r#""a""#),
        (".items[-1].metadata.name", r#""a""#),
        ("reduce .items[] as $i (0; . + $i.spec.n)", "7"),
        ("[foreach .items[] as {spec: {n: $n}} (0; . + $n)]", "[2,7]"),
        ("[.items[] | if .ok then \"yes\" elif .spec.n == 5 then \"five\" else \"no\" end]", r#"["yes","five"]"#),
        (".items[0].metadata.name as $n | [$n, $n]", r#"["b","b"]"#),
        ("def twice(f): f | f; 3 | twice(. * 2)", "12"),
        ("1 | [limit(3; repeat(. * 2))], first(range(10)), [range(0; 6; 2)]", "[1,2,4] 0 [0,2,4]"),
        ("[.items[].metadata.name] | @csv, @tsv, @sh", r#""\"b\",\"a\"" "b\ta" "'b' 'a'""#),
        (".items[0].metadata.name | @base64, (@base64 | @base64d)", r#""Yg==" "b""#),
        (".items[0] | .spec.n += 3 | .spec.n", "5"),
        ("[..|numbers]", "[2,5]"),
        ("[.items[] | .nothing?.more[]?]", "[]"),
        ("try error(\"x\") catch .", r#""x""#),
        ("{a: 1} * {a: {b: 2}}, {\"a\": 1} + {b: 2}", r#"{"a":{"b":2}} {"a":1,"b":2}"#),
        (
            "\"a-b-c\" | sub(\"-\"; \"+\"), gsub(\"-(?<x>.)\"; \"[\\(.x)]\"), split(\"-\")",
            r#""a+b-c" "a[b][c]" ["a","b","c"]"#,
        ),
        ("\"v1.36\" | capture(\"v(?<major>[0-9]+)\\\\.(?<minor>[0-9]+)\") | .minor | tonumber", "36"),
        ("[.items[].metadata.labels | keys[]] | unique", r#"["app","v"]"#),
        ("{} | .a.b.c = 1 | [leaf_paths]", r#"[["a","b","c"]]"#),
        ("[1, [2, [3]]] | flatten, flatten(1)", "[1,2,3] [1,2,[3]]"),
        ("[3, 1, 2] | sort, (sort_by(-.) | .[0]), index(2)", "[1,2,3] 3 2"),
        ("label $out | 1, 2, break $out, 3", "1 2"),
        ("\"2026-01-01T00:00:00Z\" | fromdate | todate", r#""2026-01-01T00:00:00Z""#),
        ("[1,2] | . as [$a, $b] | {a: $a, $b}", r#"{"a":1,"b":2}"#),
        ("1.5, 3.0, 1e3, -0.25, 1e20", "1.5 3 1000 -0.25 1e+20"),
        ("[walk(numbers |= . + 1) | .items[].spec.n]", "[3,6]"),
        ("0 | until(. > 40; . + 7)", "42"),
        ("tojson | fromjson | .items | length", "2"),
    ];
    for (filter, wanted) in rows {
        assert_eq!(jq(filter, PODS), wanted, "{filter}");
    }
}

#[test]
fn what_goes_wrong_is_told() {
    assert_eq!(jq(".items.name", PODS), "jq: error (at <stdin>:1): Cannot index array with \"name\"");
    assert_eq!(jq(".items[].ok[]", PODS), "jq: error (at <stdin>:1): Cannot iterate over boolean (true)");
    assert_eq!(jq("nope", "1"), "jq: error: nope/0 is not defined at <top-level>, line 1: nope jq: 1 compile error");
    let tokens = Lexer::new(".a | ").lex().expect("tokens");
    assert!(parse(&tokens, ".a | ").is_err_and(|e| e.contains("syntax error, unexpected end of file")));
    assert_eq!(inputs("{\"a\": }").1.as_deref(), Some("jq: parse error: Invalid literal at line 1, column 7"));
}

#[test]
fn no_filter_runs_for_ever() {
    for filter in [
        "repeat(.)",
        "[repeat(1)]",
        "last(repeat(.))",
        "def f: f; f",
        "def f: 1 + f; f",
        "until(false; .)",
        "[range(infinite)]",
        "reduce range(1000) as $i (\"a\"; . + .)",
        "[recurse([., .])]",
        "[range(1e6)] | [.[] as $x | .[] | $x]",
        "\"x\" * 1e12",
        ".[1e12] = 1",
        "reduce range(60) as $i (1; [., .])",
        "reduce range(60) as $i (1; {a: ., b: .}) | tojson",
        "[range(9)] | [combinations(9)] | length",
        "[range(60000) | tostring | {key: ., value: 1}] | from_entries | [.[keys[]]] | length",
        "[range(60000)] | .[] = 1 | length",
        "[range(60000)] | del(.[])",
        "[range(60000)] - [range(60000)] | length",
        "\"a\" * 1e6 | [match(\"(a*)*b\"; \"g\")]",
        "[range(90000)] | [.[] as $x | try error catch .] | [.[] | . + {}]",
    ] {
        let said = jq(filter, "null");
        assert!(said.contains("jq: ") || said.len() < 9, "{filter}: {}", said.chars().take(80).collect::<String>());
    }
}
