use super::*;
use crate::runtime::files::{Files, User};

struct Box_ {
    root: Files,
    process: Process,
}

fn sh(script: &str) -> Box_ {
    let argv: Vec<String> = ["sh", "-c", script].iter().map(|s| (*s).to_owned()).collect();
    Box_ { root: Files::root(), process: Process::new(&argv, &[("WHO".into(), "world".into())], "", Unknown::NotFound) }
}

impl Box_ {
    fn step(&mut self, at: u64) -> State {
        let mut fs = FileSystem { user: User::root(), root: &mut self.root, mounts: &[], volumes: &mut [] };
        self.process.step(SimTime::from_secs(at), &mut fs, &mut Alone("web-0".into()))
    }
    fn output(&mut self) -> String {
        self.process.take_output().into_iter().map(|(_, t)| t).collect()
    }
}

fn check(script: &str, code: i32, output: &str) {
    let mut b = sh(script);
    let state = b.step(0);
    assert_eq!((b.output().as_str(), state), (output, State::Exited(code)), "{script}");
}

#[test]
fn scripts() {
    check("echo done; exit 3", 3, "done\n");
    check("exit 0", 0, "");
    check("false || echo a && echo b", 0, "a\nb\n");
    check("false && echo a; echo $?", 0, "1\n");
    check("if [ -f /tmp/x ]; then echo y; else echo n; fi", 0, "n\n");
    check("touch /tmp/x; [ -e /tmp/x ] && echo y", 0, "y\n");
    check("for i in 1 2 3; do echo -n $i; done", 0, "123");
    check("i=0; while [ $i -lt 3 ]; do i=$((i+1)); done; echo $i", 0, "3\n");
    check("i=0; until [ $i -ge 3 ]; do i=$(expr $i + 1); done; echo \"$i $WHO\"", 0, "3 world\n");
    check("echo \"a  b\" 'c $x' a  b", 0, "a  b c $x a b\n");
    check("[[ web-12 =~ -([0-9]+)$ ]] || exit 1; echo ${BASH_REMATCH[1]}", 0, "12\n");
    check("x=; if [[ $x == '' && ( a < b || -n $x ) ]]; then echo y; fi; [[ $WHO == w* ]] && echo z", 0, "y\nz\n");
    check("a=(x 'y z' $WHO); i=1; echo ${a[$i]} ${#a[@]} ${a[0]} ${a[9]}", 0, "y z 3 x\n");
    check(
        "a=(x 'y z'); for v in \"${a[@]}\"; do echo [$v]; done; s=abcdef; echo ${s:1:3} ${s:4}",
        0,
        "[x]\n[y z]\nbcd ef\n",
    );
    check("echo $(perl -Mbignum=bpi -wle 'print bpi(20)')", 0, "3.1415926535897932384\n");
    check("echo -n admin | base64; echo YWRtaW4= | base64 -d", 0, "YWRtaW4=\nadmin");
    check("x='a  b'; echo $x \"$x\" ${x#a} ${y:-z} ${#x}", 0, "a b a  b b z 4\n");
    check("echo hi > /tmp/f; echo ho >> /tmp/f; cat /tmp/f | wc -l", 0, "2\n");
    check("cat /nope", 1, "cat: can't open '/nope': No such file or directory\n");
    check("nope", 127, "sh: nope: not found\n");
    check("cat <<EOF\nhi $WHO\nEOF\necho b", 0, "hi world\nb\n");
    check("f() { echo f $1; return 4; }; f x; echo $?", 0, "f x\n4\n");
    check("(exit 3); echo $?", 0, "3\n");
    check("case abc in a*) echo A;; *) echo B;; esac", 0, "A\n");
    check("set -e; false; echo no", 1, "");
    check("set -e; if false; then :; fi; false || true; echo yes", 0, "yes\n");
    check("echo a b c | while read x y; do echo $y; done", 0, "b c\n");
    check("printf '%s-%03d\\n' a 7 b 8", 0, "a-007\nb-008\n");
    check("hostname; echo $(hostname)", 0, "web-0\nweb-0\n");
    check("date -d @0 +%Y-%m-%d; date +%s", 0, "1970-01-01\n1767225600\n");
    check("for i in 1 2 3; do if [ $i = 2 ]; then continue; fi; echo $i; done", 0, "1\n3\n");
    check("while true; do break; done; echo out", 0, "out\n");
    check("trap 'echo bye' EXIT; echo hi; exit 5", 5, "hi\nbye\n");
    check("ls /nope 2>/dev/null || echo none >&2", 0, "none\n");
    check("mkdir -p /a/b; touch /a/b/c1 /a/b/c2; echo /a/b/*; ls /a", 0, "/a/b/c1 /a/b/c2\nb\n");
    check("echo 'unterminated", 2, "sh: syntax error: unterminated quoted string\n");
    check("if true; then", 2, "sh: syntax error: unexpected end of file\n");
    check("! true; echo $?; test 1 -eq 1 -a a = b; echo $?", 0, "1\n1\n");
    check("exec false", 1, "");
    check("sh -c 'exit 9'; echo $?", 0, "9\n");
    check("env | grep WHO; A=1 sh -c 'echo $A'; echo \"[$A]\"", 0, "WHO=world\n1\n[]\n");
    check("seq 3 | sort -r | head -n 1; echo a,b | cut -d, -f2; echo abc | tr a-c A-C", 0, "3\nb\nABC\n");
}

#[test]
fn the_documentations_liveness_example() {
    let mut b = sh("touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600");
    assert_eq!(b.step(0), State::Until(SimTime::from_secs(30)));
    assert!(b.root.get("/tmp/healthy").is_some());
    assert_eq!(b.step(10), State::Until(SimTime::from_secs(30)));
    assert_eq!(b.step(30), State::Until(SimTime::from_secs(630)));
    assert!(b.root.get("/tmp/healthy").is_none());
    assert_eq!(b.step(630), State::Exited(0));
}

#[test]
fn endless_loops_do_not_hang() {
    let mut b = sh("while true; do :; done");
    assert_eq!(b.step(0), State::Until(SimTime::from_secs(1)));
    assert_eq!(b.step(1), State::Until(SimTime::from_secs(2)));
    let mut b = sh("f() { f; f; }; f");
    for at in 0..20 {
        b.step(at);
    }
    let mut b = sh("while true; do echo $(date +%s); sleep 5; done");
    assert_eq!(b.step(0), State::Until(SimTime::from_secs(5)));
    assert_eq!(b.step(5), State::Until(SimTime::from_secs(10)));
    assert_eq!(b.output(), "1767225600\n1767225605\n");
}

#[test]
fn signals_reach_traps_only() {
    let mut b = sh("trap 'echo bye; exit 7' TERM; sleep 100 & wait");
    assert_eq!(b.step(0), State::Until(SimTime::from_secs(100)));
    assert_eq!(b.process.signal(Signal::Term), None);
    assert!(b.process.wakes_on_signal());
    assert_eq!(b.step(1), State::Exited(7));
    assert_eq!(b.output(), "bye\n");
    let mut b = sh("sleep 100");
    b.step(0);
    assert_eq!(b.process.signal(Signal::Term), None);
    assert_eq!(b.step(1), State::Until(SimTime::from_secs(100)));
    assert_eq!(b.process.signal(Signal::Kill), Some(137));
}

#[test]
fn servers_and_time_limits() {
    let mut b = sh("echo start; nginx -g 'daemon off;'");
    assert_eq!(b.step(0), State::Serves);
    let mut b = sh("timeout 5 sleep 100; echo $?");
    assert_eq!(b.step(0), State::Until(SimTime::from_secs(5)));
    assert_eq!(b.step(5), State::Exited(0));
    assert_eq!(b.output(), "143\n");
}

/// As deep as scripts may nest, and deeper: never the end of the stack, which in a browser is a megabyte.
#[test]
fn nesting_has_an_end() {
    let nest = |open: &str, inner: &str, close: &str, n: usize| open.repeat(n) + inner + &close.repeat(n);
    for n in [11, 20, 58, 200, 2000, 20_000] {
        for script in [
            nest("$(echo ", "echo a", ")", n),
            nest("if true; then ", "echo", "; fi", n),
            nest("{ ", "echo;", " };", n),
            nest("(", "echo", ")", n),
            nest("while true; do ", "exit", "; done", n),
            nest("case a in a) ", "echo", ";; esac", n),
            nest("f() { ", "echo;", " }", n),
            format!("echo $(({}))", nest("(", "1", ")", n)),
            format!("echo $(({}))", nest("- ", "1", "", n)),
            format!("echo $(({}))", nest("1 ? ", "1", " : 0", n)),
            format!("echo ${{a:-{}}}", nest("${a:-", "b", "}", n)),
            format!("test {}", nest("! ", "a", "", n)),
            format!("[[ {} ]]", nest("( ", "a", " )", n)),
            format!("expr {}", nest("\\( ", "1", " \\)", n)),
            format!("echo a | {} grep a", "cat | ".repeat(n.min(2000))),
            format!("echo a | sed '{}'", nest("{", "p", "}", n)),
            format!("echo a | awk '{}'", nest("{ if (1) ", "print", "}", n)),
            format!("echo a | grep -E '{}'", nest("(", "a", ")", n)),
            nest("eval ", "echo", "", n),
            nest("sh -c ", "echo", "", n),
            "f() { f; }; f".into(),
            "f() { echo $(f); }; f".into(),
            "f() { f | f; }; f".into(),
            "echo 'sh /a' > /a; sh /a".into(),
            "echo '. /a' > /a; . /a".into(),
            "trap 'kill -INT $$' INT; kill -INT $$".into(),
        ] {
            let mut b = sh(&script);
            for at in 0..3 {
                b.step(at);
            }
        }
    }
}
