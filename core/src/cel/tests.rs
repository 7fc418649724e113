use super::*;
use proptest::prelude::*;
use serde_json::json;

fn scope() -> (Fields, Scope<'static>) {
    let object = json!({"spec": {"replicas": 3, "names": ["a", "b"], "labels": {"app": "web", "a/b": "c"},
        "ratio": 0.5, "none": null}, "metadata": {"name": "x", "namespace": "ns"}});
    let mut names = Fields::new();
    names.insert("object".into(), Ty::Dyn);
    names.insert("@Object".into(), Ty::Dyn);
    names.insert("@JSONPatch".into(), Ty::Dyn);
    let mut scope = Scope::default();
    scope.names.insert("object".into(), Val::from_json(&object));
    (names, scope)
}

fn run(text: &str) -> String {
    let (names, scope) = scope();
    let program = match Program::compile(text, &names) {
        Ok(p) => p,
        Err(e) => return e.lines().next().unwrap_or_default().to_owned(),
    };
    match program.run(&scope, &mut Budget::new(PER_REQUEST)) {
        Ok(v) => v.to_json().map_or_else(|| format!("{v:?}"), |v| v.to_string()),
        Err(e) => format!("! {e}"),
    }
}

#[test]
fn the_language() {
    let table: &[(&str, &str)] = &[
        ("1 + 2 * 3", "7"),
        ("-(3 - 5) % 2", "0"),
        ("-9223372036854775808 < 0", "true"),
        ("9223372036854775807 + 1", "! integer overflow"),
        ("1 / 0", "! division by zero"),
        ("7u / 2u", "3"),
        ("1.5 + 2.0", "3.5"),
        ("0x1f + 1", "32"),
        ("1e3", "1000"),
        (r#"'a\n\x41\u00e9\101'"#, "\"a\\nAéA\""),
        (r#"r'\d+' == '\\d+'"#, "true"),
        ("'''a'b''' + \"\"\"c\"d\"\"\"", "\"a'bc\\\"d\""),
        ("b'abc'.size() == 3 && bytes('é').size() == 2", "true"),
        ("true ? 'a' : 'b'", "\"a\""),
        ("false && object.nope || true", "true"),
        ("object.nope == 1 || true", "true"),
        ("object.nope == 1", "! no such key: nope"),
        ("has(object.spec.replicas) && !has(object.spec.x)", "true"),
        ("object.spec.replicas == 3.0", "true"),
        ("object.spec.labels['a/b']", "\"c\""),
        ("object.spec.names.all(n, n in ['a', 'b'])", "true"),
        ("object.spec.names.exists_one(n, n == 'a')", "true"),
        ("object.spec.names.map(n, n + '!').join(',')", "\"a!,b!\""),
        ("object.spec.labels.map(k, k)", "[\"a/b\",\"app\"]"),
        ("[1, 2, 3].filter(x, x > 1)", "[2,3]"),
        ("[1, 2, 3].map(x, x > 1, x * x)", "[4,9]"),
        ("{'a': 1, 'b': 2}.transformMap(k, v, v > 1, v + 1)", "{\"b\":3}"),
        ("[5, 6].transformList(i, v, i + v)", "[5,7]"),
        ("{'a': 'b'}.transformMapEntry(k, v, {v: k})", "{\"b\":\"a\"}"),
        ("[1, 2].exists(i, v, i == 1 && v == 2)", "true"),
        ("'app' in object.spec.labels", "true"),
        ("[1, 2, 3][1]", "2"),
        ("[1][2]", "! index out of bounds: 2"),
        ("object.?spec.?nope.orValue('none')", "\"none\""),
        ("object.spec.?replicas.optMap(r, r * 2).orValue(0)", "6"),
        ("[1, 2][?5].hasValue()", "false"),
        ("[?optional.none(), ?optional.of(1)]", "[1]"),
        ("{?'a': optional.none(), 'b': 1}", "{\"b\":1}"),
        ("optional.ofNonZeroValue('').or(optional.of('x')).value()", "\"x\""),
        ("cel.bind(x, 'ab', x + x)", "\"abab\""),
        ("type(1) == int && type('') == string && type(null) == null_type", "true"),
        ("type(timestamp('2024-01-02T03:04:05Z')) == google.protobuf.Timestamp", "true"),
        ("timestamp('2024-03-04T05:06:07.089Z').getDayOfWeek()", "1"),
        ("timestamp('2024-03-04T05:06:07Z').getHours('America/New_York')", "0"),
        ("timestamp('2024-03-04T05:06:07Z').getHours('+02:30')", "7"),
        ("timestamp('2024-03-04T00:00:00Z') + duration('24h') == timestamp('2024-03-05T00:00:00Z')", "true"),
        ("duration('90m').getHours()", "1"),
        ("string(duration('1500ms'))", "\"1.5s\""),
        ("int('x')", "! strconv.ParseInt: parsing \"x\": invalid syntax"),
        ("int(3.9)", "3"),
        ("string(1.0) + string(1e21) + string(true)", "\"11e+21true\""),
        ("'hello'.matches('^h.*o$')", "true"),
        ("'ab12cd'.find('[0-9]+')", "\"12\""),
        ("'a1b2'.findAll('[0-9]')", "[\"1\",\"2\"]"),
        ("'tacocat'.charAt(3) + 'a-b'.replace('-', '+') + ' x '.trim() + 'Ab'.lowerAscii()", "\"oa+bxab\""),
        ("'a,b,c'.split(',', 2)", "[\"a\",\"b,c\"]"),
        ("'hello'.substring(1, 3) + 'abc'.reverse()", "\"elcba\""),
        ("'hello mellow'.lastIndexOf('ello') + 'hello'.indexOf('l', 3)", "10"),
        ("strings.quote('a\"b')", "\"\\\"a\\\\\\\"b\\\"\""),
        ("'%s is %d, %.2f %x'.format(['a', 3, 1.234, 255])", "\"a is 3, 1.23 ff\""),
        ("'%s'.format([[dyn(1), 'a', {'k': 2.0}]])", "\"[1, a, {k: 2}]\""),
        ("[1, 3, 2].sum() + [4, 1].min() + [4, 9].max()", "16"),
        ("[1, 2, 2].isSorted() && ![2, 1].isSorted()", "true"),
        ("[1, 2, 2].indexOf(2) + [1, 2, 2].lastIndexOf(2)", "3"),
        ("sets.contains([1, 2, 3], [3, 1]) && sets.equivalent([1, 1], [1]) && !sets.intersects([1], [2])", "true"),
        ("quantity('1Gi').isGreaterThan(quantity('500Mi'))", "true"),
        ("quantity('50k').add(20).sub(quantity('20')).asInteger()", "50000"),
        ("isQuantity('1.3x')", "false"),
        ("url('https://a.b:80/p?x=1&x=2').getQuery()['x']", "[\"1\",\"2\"]"),
        ("url('https://[::1]:80/p').getHostname() + url('https://e.com/').getPort()", "\"::1\""),
        ("isURL('../x')", "false"),
        ("ip('192.168.0.1').family() == 4 && isIP('::1') && !isIP('1.2.3')", "true"),
        ("cidr('10.0.0.0/8').containsIP('10.1.2.3') && cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')", "true"),
        ("string(cidr('10.1.2.3/8').masked())", "\"10.0.0.0/8\""),
        ("semver('1.2.3').isGreaterThan(semver('1.2.3-rc.1')) && isSemver('v1.2', true) && !isSemver('1.2')", "true"),
        ("format.named('dns1123Label').value().validate('A').hasValue()", "true"),
        ("Object{spec: Object.spec{replicas: 4}}", "{\"spec\":{\"replicas\":4}}"),
        ("[JSONPatch{op: 'test', path: '/spec', value: 1}].size()", "1"),
        ("jsonpatch.escapeKey('a/b~c')", "\"a~1b~0c\""),
        ("[[1], [2]].map(x, x.map(y, y + 1))", "[[2],[3]]"),
        ("dyn(1) + dyn('a')", "! no such overload"),
        ("[3, 1, 2].sortBy(e, -e)", "[3,2,1]"),
        ("lists.range(3).map(i, [i]).flatten()", "[0,1,2]"),
        ("[1, 2, 3, 4].slice(1, 3).distinct().sort()", "[2,3]"),
        ("[1].slice(0, 2)", "! cannot slice(0, 2), list is length 1"),
        ("format.dns1123SubdomainPrefix().validate('a.b-') == optional.none()", "true"),
        ("duration('1h2m3s4ms').getMilliseconds()", "3723004"),
    ];
    for (text, wanted) in table {
        assert_eq!(run(text), *wanted, "{text}");
    }
}

#[test]
fn what_is_said_before_it_runs() {
    let table = [
        ("x + 1", "ERROR: <input>:1:1: undeclared reference to 'x' (in container '')"),
        ("1 + 'a'", "ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, string)'"),
        ("'a'.foo(1)", "ERROR: <input>:1:8: undeclared reference to 'foo' (in container '')"),
        (
            "'a'.startsWith(1)",
            "ERROR: <input>:1:15: found no matching overload for 'startsWith' applied to 'string.(int)'",
        ),
        ("1.size()", "ERROR: <input>:1:7: found no matching overload for 'size' applied to 'int.()'"),
        ("[1, 'a']", "ERROR: <input>:1:5: expected type 'int' but found 'string'"),
        ("1 in 2", "ERROR: <input>:1:3: found no matching overload for '@in' applied to '(int, int)'"),
        (
            "'a'.all(x, true)",
            "ERROR: <input>:1:1: expression of type 'string' cannot be range of a comprehension (must be list, map, or dynamic)",
        ),
        ("(1", "ERROR: <input>:1:3: Syntax error: missing ')' at '<EOF>'"),
        ("'a", "ERROR: <input>:1:1: Syntax error: token recognition error at: ''a'"),
        ("has(object)", "ERROR: <input>:1:4: invalid argument to has() macro"),
        ("duration('1')", "ERROR: <input>:1:10: invalid duration argument"),
        ("'a'.matches('x++')", "ERROR: <input>:1:13: invalid matches argument"),
        ("for", "ERROR: <input>:1:1: reserved identifier: for"),
        ("1 ? 2 : 3", "ERROR: <input>:1:3: found no matching overload for '_?_:_' applied to '(int, int, int)'"),
    ];
    for (text, wanted) in table {
        assert_eq!(run(text), wanted, "{text}");
    }
}

#[test]
fn whatever_is_long_ends() {
    let deep = format!("{}1{}", "(".repeat(5000), ")".repeat(5000));
    assert!(run(&deep).contains("recursion limit"), "{}", run(&deep));
    let long = vec!["1"; 3000].join(" + ");
    assert!(run(&long).contains("recursion limit"));
    let wide = vec!["true"; 3000].join(" && ");
    assert_eq!(run(&wide), "true");
    let list = format!("[{}]", vec!["1"; 300].join(","));
    let cubed = format!("{list}.all(a, {list}.all(b, {list}.all(c, a == b)))");
    assert_eq!(run(&cubed), "! operation cancelled: actual cost limit exceeded");
    let mut doubled = "a".to_owned();
    for _ in 0..50 {
        doubled = format!("cel.bind(a, a + a, {doubled})");
    }
    let doubled = format!("cel.bind(a, 'xxxxxxxxxxxxxxxx', {doubled})");
    assert_eq!(run(&doubled), "! operation cancelled: actual cost limit exceeded");
    let mut shared = "a".to_owned();
    for _ in 0..50 {
        shared = format!("cel.bind(a, [a, a], {shared})");
    }
    assert_eq!(run(&format!("cel.bind(a, [1], {shared})")), "! operation cancelled: actual cost limit exceeded");
}

fn tree() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "1",
        "2u",
        "1.5",
        "'a'",
        "b'x'",
        "true",
        "null",
        "object",
        "object.spec.names",
        "object.spec.labels",
        "[]",
        "{}",
        "optional.none()",
        "duration('1h')",
        "timestamp('2024-01-01T00:00:00Z')",
        "-9223372036854775808",
        "x",
        "quantity('1Ki')",
        "ip('::1')",
        "cidr('10.0.0.0/8')",
        "semver('1.0.0')",
        "'%s %d'",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(6, 40, 4, |inner| {
        let op = prop::sample::select(vec!["+", "-", "*", "/", "%", "==", "<", "in", "&&", "||", "!=", ">="]);
        let method = prop::sample::select(vec![
            "size",
            "sum",
            "min",
            "isSorted",
            "trim",
            "reverse",
            "join",
            "lowerAscii",
            "getHours",
            "hasValue",
            "value",
            "sort",
            "distinct",
            "flatten",
            "asInteger",
            "family",
            "masked",
            "major",
        ]);
        let binary = prop::sample::select(vec![
            "contains",
            "split",
            "indexOf",
            "lastIndexOf",
            "matches",
            "findAll",
            "format",
            "charAt",
            "substring",
            "add",
            "compareTo",
            "containsIP",
            "orValue",
            "or",
            "startsWith",
            "join",
        ]);
        let each = prop::sample::select(vec!["all", "exists", "map", "filter", "exists_one"]);
        let cast = prop::sample::select(vec!["int", "uint", "double", "string", "bytes", "type", "dyn", "!", "-"]);
        prop_oneof![
            (inner.clone(), op, inner.clone()).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
            (inner.clone(), method).prop_map(|(a, m)| format!("dyn({a}).{m}()")),
            (inner.clone(), binary, inner.clone()).prop_map(|(a, m, b)| format!("dyn({a}).{m}(dyn({b}))")),
            (inner.clone(), each, inner.clone()).prop_map(|(a, m, b)| format!("dyn({a}).{m}(x, {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("dyn({a})[dyn({b})]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{dyn({a}): [dyn({b})]}}")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("(dyn({a}) ? {b} : {c})")),
            (cast, inner.clone()).prop_map(|(c, a)| format!("{c}({a})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("cel.bind(x, {a}, {b})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_ends(text in "[-a-z0-9 .,'\"()\\[\\]{}?:!&|<>=+*/%\\\\xbr]{0,60}") {
        run(&text);
    }

    #[test]
    fn any_expression_ends(text in tree()) {
        run(&format!("cel.bind(x, dyn(1), {text})"));
    }
}
