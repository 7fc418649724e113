use super::*;
use serde_json::json;

fn error(text: &str) -> String {
    read(text).error.map(|e| e.message).unwrap_or_default()
}

#[test]
fn scalars_are_yaml_1_1() {
    let text = "a: yes\nb: 'yes'\nc: 010\nd: 0x1F\ne: 1_000\nf: ~\ng: 1.5\nh: 2.0\ni: 2026-01-02\nj: 1e3\nk: 1:30\nl: 18446744073709551615\nm: !!str 5\n8: on\nn2: 08\no: 0o14\np: '' \nq:\nr: .5\ns: +5\nt: 1.2.3\n";
    let expected = json!({
        "a": true, "b": "yes", "c": 8, "d": 31, "e": 1000, "f": null, "g": 1.5, "h": 2, "i": "2026-01-02", "j": 1000,
        "k": "1:30", "l": 18446744073709551615u64, "m": "5", "8": true, "n2": 8, "o": 12, "p": "", "q": null, "r": 0.5,
        "s": 5, "t": "1.2.3",
    });
    assert_eq!(read_value(text).unwrap(), expected);
}

#[test]
fn documents_anchors_and_merges() {
    let m = read("# first\n---\na: &x {b: 1}\nc: *x\n---\n# nothing\n---\nd:\n  <<: {e: 1, f: 2}\n  e: 3\n");
    let values: Vec<_> = m.documents.iter().map(|d| (d.start_line, d.value.clone())).collect();
    assert_eq!(values, [(2, json!({"a": {"b": 1}, "c": {"b": 1}})), (7, json!({"d": {"e": 3, "f": 2}}))]);
    assert_eq!(m.error, None);
}

#[test]
fn errors_have_the_words_and_lines_of_kubectl() {
    let prefix = "error converting YAML to JSON: yaml: ";
    assert_eq!(error("a: 1\nb: c: d\n"), format!("{prefix}line 2: mapping values are not allowed in this context"));
    assert_eq!(error("a: 1\nb:\n  - x\n c: 1\n"), format!("{prefix}line 3: did not find expected key"));
    assert_eq!(error("a: 1\n---\nb: \"x\nc: 1\n"), format!("{prefix}line 3: found unexpected end of stream"));
    assert_eq!(error("a: *b\n"), format!("{prefix}unknown anchor 'b' referenced"));
    assert_eq!(
        error("name: {{ .Release.Name }}\n"),
        format!("{prefix}invalid map key: map[interface {{}}]interface {{}}{{\".Release.Name\":interface {{}}(nil)}}")
    );
    assert_eq!(error("a: 1\n--- b\n"), "invalid Yaml document separator: b");
    assert_eq!(error("{\"a\": \"1\" \"2\"}"), "json: offset 11: invalid character '\"' after object key:value pair");
    assert_eq!(error("{\"a\": "), "unexpected EOF");
    assert_eq!(read("{a: 1}\n---\n{b: 2}\n").documents.len(), 2);
}

#[test]
fn keys_set_twice() {
    let m = read("x: 1\n---\na: 1\na: 2\nb:\n  <<: {c: 1}\n  c: 2\n");
    assert_eq!(m.documents[1].value, json!({"a": 2, "b": {"c": 2}}));
    let at = Mark { line: 3, column: 0 };
    let message = "line 2: key \"a\" already set in map".into();
    assert_eq!(m.documents[1].duplicates, [YamlError { message, at }]);
}

#[test]
fn a_tag_right_before_a_comma() {
    let prefix = "error converting YAML to JSON: yaml: ";
    let wrong = "did not find expected whitespace or line break";
    for text in ["a:\n- [!s,", "a:\n- [!s, b]\n", "a:\n- {b: c, !<x,y>, d}", "a:\n- [\"x\"!s,", "a:\n- [x, !!str, y]"] {
        assert_eq!(error(text), format!("{prefix}line 2: {wrong}"), "{text}");
    }
    // what only looks like one
    let text =
        "# !a, b\na: [\"Hi !you, and\", 'x!, y', w!, !!str 5, \u{e000}]\nb: Hi !you, and !me,\nc: |\n  !a, !<b>,\n";
    let expected = json!({
        "a": ["Hi !you, and", "x!, y", "w!", "5", "\u{e000}"], "b": "Hi !you, and !me,", "c": "!a, !<b>,\n",
    });
    assert_eq!(read_value(text).unwrap(), expected);
    let span = read(text).documents[0].locate("a[3]").unwrap();
    assert_eq!((span.start, span.end), (Mark { line: 1, column: 33 }, Mark { line: 1, column: 40 }));
}

#[test]
fn untrusted_input_is_capped() {
    let deep = format!("a: {}", "[".repeat(300));
    assert!(error(&deep).contains("exceeded max depth"), "{}", error(&deep));
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..9 {
        let list = vec![format!("*a{}", i - 1); 10].join(", ");
        bomb.push_str(&format!("a{i}: &a{i} [{list}]\n"));
    }
    assert!(error(&bomb).contains("excessive aliasing"));
    assert!(error("a: &a [*a]\n").contains("contains itself"));
    assert!(error(&" ".repeat(MAX_SIZE + 1)).contains("bytes"));
}

#[test]
fn positions() {
    let m = read(
        "---\n# c\nkind: Pod\nspec:\n  containers:\n  - name: a\n    image: b\n  - name: c\nlabels:\n  app.k8s.io/x: y\n",
    );
    let d = &m.documents[0];
    let at = |p: &str| d.locate(p).map(|s| (s.key_start.line, s.key_start.column, s.start.column, s.end.column));
    assert_eq!(at("kind"), Some((2, 0, 6, 9)));
    assert_eq!(at("spec.containers[0].image"), Some((6, 4, 11, 12)));
    assert_eq!(at("labels.app.k8s.io/x"), Some((9, 2, 16, 17)));
    assert_eq!(at("labels[app.k8s.io/x]"), Some((9, 2, 16, 17)));
    assert_eq!(at("spec.containers[2]"), None);
    assert_eq!(d.path_at(Mark { line: 6, column: 8 }), "spec.containers[0].image");
    assert_eq!(d.path_at(Mark { line: 7, column: 4 }), "spec.containers[1].name");
}

#[test]
fn printing() {
    let value = json!({
        "apiVersion": "v1",
        "data": {
            "colon": "a: b", "empty": "", "multi": "line 1\nline 2\n", "num": "01", "true": "yes", "tab": "a\tb",
            "long": "aaaaaaaaaa bbbbbbbbbb cccccccccc dddddddddd eeeeeeeeee ffffffffff gggggggggg hhhhhhhhhh iiiiiiiiii",
            "when": "2026-01-01T00:00:00Z", "cron": "*/5 * * * *", "sixty": "1:30", "lead": " x", "hash": "a #b",
            "korean": "한국어", "a10": "x", "a9": "y", "no-newline": "a\nb", "trail": "a \nb",
        },
        "items": [{"a": 1, "b": [1, 2.5, null]}, [], {}, ["x", ["y"]]],
        "on": false,
    });
    expect_test::expect![[r#"
        apiVersion: v1
        data:
          a9: "y"
          a10: x
          colon: 'a: b'
          cron: '*/5 * * * *'
          empty: ""
          hash: 'a #b'
          korean: 한국어
          lead: ' x'
          long: aaaaaaaaaa bbbbbbbbbb cccccccccc dddddddddd eeeeeeeeee ffffffffff gggggggggg
            hhhhhhhhhh iiiiiiiiii
          multi: |
            line 1
            line 2
          no-newline: |-
            a
            b
          num: "01"
          sixty: "1:30"
          tab: "a\tb"
          trail: "a \nb"
          "true": "yes"
          when: "2026-01-01T00:00:00Z"
        items:
        - a: 1
          b:
          - 1
          - 2.5
          - null
        - []
        - {}
        - - x
          - - "y"
        "on": false
    "#]]
    .assert_eq(&to_yaml(&value));
}
