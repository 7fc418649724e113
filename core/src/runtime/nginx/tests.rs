//! What nginx makes of its files.

use super::*;
use crate::runtime::files::Files;
use crate::runtime::web::{Asked, Onward, Reply, Served};

fn with(main: &str, f: impl FnOnce(Result<Site, String>, View<'_>)) {
    let mut root = Files::root();
    root.place(FILE, main);
    root.place("/etc/nginx/conf.d/a.conf", "server { listen 8080; location / { return 200 'a $host $uri\\n'; } }");
    root.place("/www/index.html", "home");
    root.place("/www/oops.html", "oops");
    root.place("/www/sub/x.txt", "x");
    let view = View { root: &root, mounts: &[], volumes: &[] };
    let known = |name: &str| match name {
        "web" => vec![7],
        "three" => vec![1, 2, 3],
        _ => name.parse::<std::net::Ipv4Addr>().map(u32::from).into_iter().collect(),
    };
    f(start(view, &mut { known }), view);
}

fn http(inner: &str, f: impl FnOnce(&Site, View<'_>)) {
    with(&format!("events {{}}\nhttp {{ {inner} }}"), |site, view| f(&site.unwrap(), view));
}

fn says(site: &Site, view: View<'_>, port: u16, host: &str, path: &str) -> Reply {
    match site.answer(view, port, Asked::new(host, path)) {
        Served::Says(reply) => reply,
        Served::Passes(on) => Reply::new(0, format!("{on:?}")),
    }
}

fn on(site: &Site, view: View<'_>, asked: Asked<'_>) -> Onward {
    match site.answer(view, 80, asked) {
        Served::Passes(on) => on,
        Served::Says(reply) => panic!("{reply:?}"),
    }
}

#[test]
fn locations() {
    let conf = "events {} # none\nhttp { include /etc/nginx/conf.d/*.conf;\n server { listen [::]:80 default_server; listen 80;\n \
                root /www; location = /ok { return 204; } location /api/ { proxy_pass http://web:8080/v1/; }\n location ~ \
                \\.php$ { deny all; } location /s/ { alias /www/sub/; } location /app { try_files $uri /index.html; }\n \
                location /same { proxy_pass http://web; } } }";
    with(conf, |site, view| {
        let site = site.unwrap();
        assert_eq!(site.ports, [8080, 80]);
        let code = |path| says(&site, view, 80, "h", path).code;
        assert_eq!((code("/"), code("/none"), code("/ok"), code("/x.php"), code("/sub")), (200, 404, 204, 403, 301));
        assert_eq!(code("/sub/"), 403);
        assert_eq!(&*says(&site, view, 80, "h", "/s/x.txt").body, "x");
        assert_eq!(&*says(&site, view, 80, "h", "/app/deep").body, "home");
        let passed = on(&site, view, Asked::new("h", "/api/a?b=1"));
        assert_eq!((passed.to, &*passed.path, &*passed.host), (vec![(7, 8080)], "/v1/a?b=1", "web"));
        assert_eq!(on(&site, view, Asked::new("h", "/same/a")).to, [(7, 80)]);
        assert_eq!(&*says(&site, view, 8080, "h", "/z?y").body, "a h /z\n");
    });
}

#[test]
fn the_server_that_speaks_for_a_host() {
    let server = |names: &str, says: &str| format!("server {{ {names} return 200 {says}; }}\n");
    let conf = [
        server("server_name ~^w+\\d\\.a\\.com$;", "pattern"),
        server("server_name a.com;", "exact"),
        server("server_name *.a.com;", "star"),
        server("server_name *.b.a.com;", "longer"),
        server("server_name www.*;", "end"),
        server("listen 80 default_server; server_name _;", "default"),
        server("server_name .c.org;", "dot"),
        server("listen 81; server_name other;", "port"),
    ];
    http(&conf.concat(), |site, view| {
        for (host, body) in [
            ("a.com", "exact"),
            ("A.com", "exact"),
            ("x.a.com", "star"),
            ("x.b.a.com", "longer"),
            // a wildcard goes before a pattern
            ("ww1.a.com", "star"),
            ("www.d.net", "end"),
            ("c.org", "dot"),
            ("x.c.org", "dot"),
            ("nobody", "default"),
            ("10.0.0.1", "default"),
        ] {
            assert_eq!(&*says(site, view, 80, host, "/").body, body, "{host}");
        }
        // the only one of its port speaks for all
        assert_eq!(&*says(site, view, 81, "nobody", "/").body, "port");
    });
    // without a default one it is the first
    http(&(server("server_name a;", "one") + &server("server_name b;", "two")), |site, view| {
        assert_eq!(&*says(site, view, 80, "c", "/").body, "one");
        assert_eq!(&*says(site, view, 80, "b", "/").body, "two");
    });
}

#[test]
fn servers_behind_take_turns() {
    let conf = "upstream u { server 0.0.0.1 weight=2; server 0.0.0.2:81; server 0.0.0.3 down; server 0.0.0.4 backup; }\n\
                upstream s { ip_hash; server 0.0.0.1; server 0.0.0.2; }\n\
                server { location / { proxy_set_header Host $host; proxy_pass http://u; } location /s { proxy_pass http://s; } \
                location /t { proxy_pass http://three:90; } }";
    http(conf, |site, view| {
        let first = |turn| on(site, view, Asked { turn, ..Asked::new("h.x", "/") }).to;
        assert_eq!(first(0), [(1, 80), (2, 81), (4, 80)]);
        let turns: Vec<u32> = (0..6).map(|t| first(t)[0].0).collect();
        assert_eq!(turns, [1, 2, 1, 1, 2, 1]);
        assert_eq!(&*on(site, view, Asked::new("h.x", "/")).host, "h.x");
        let by = |source| on(site, view, Asked { source, turn: 5, ..Asked::new("h", "/s") }).to[0];
        assert_eq!(by(0x0a00_0001), by(0x0a00_0009));
        assert_eq!(on(site, view, Asked::new("h", "/t")).to, [(1, 90), (2, 90), (3, 90)]);
        assert_eq!(&*on(site, view, Asked::new("h", "/t")).host, "three");
    });
}

#[test]
fn pages_of_errors_headers_and_rewriting() {
    let conf = "server { root /www; error_page 404 /oops.html; error_page 403 =200 /oops.html; error_page 410 = @gone;\n\
                add_header X-A $host; add_header X-B b always;\n\
                location /no { deny all; } location /gone { return 410; } location @gone { return 200 was; }\n\
                location /c { add_header X-C c; return 200 c; }\n\
                location /old { return 301 https://$host/new$is_args$args; }\n\
                rewrite ^/x/(.*)$ /sub/$1 last; rewrite ^/away(.*)$ http://b.org$1 permanent;\n\
                location /app { try_files $uri @app; } location @app { proxy_pass http://web:3000; }\n\
                location /strip/ { rewrite ^/strip/(.*)$ /$1 break; proxy_pass http://web; }\n\
                location /in { internal; } location /loop { rewrite ^ /loop last; } }";
    http(conf, |site, view| {
        let got = |path: &str| says(site, view, 80, "h", path);
        let head = |path: &str, name: &str| {
            got(path).headers.into_iter().filter(|(n, _)| n == name).map(|(_, v)| v).collect::<Vec<_>>().join(",")
        };
        assert_eq!((got("/missing").code, &*got("/missing").body), (404, "oops"));
        assert_eq!((got("/no").code, &*got("/no").body), (200, "oops"));
        assert_eq!((got("/gone").code, &*got("/gone").body), (200, "was"));
        assert_eq!((head("/", "X-A"), head("/", "X-B")), ("h".into(), "b".into()));
        // what is added below takes the place of what is added above, and an error has only what is always there
        assert_eq!((head("/c", "X-A"), head("/c", "X-C")), (String::new(), "c".into()));
        assert_eq!((head("/missing", "X-A"), head("/missing", "X-B")), (String::new(), "b".into()));
        assert_eq!((got("/old?a=1").code, head("/old?a=1", "Location")), (301, "https://h/new?a=1".into()));
        assert_eq!(&*got("/x/x.txt").body, "x");
        assert_eq!((got("/away/z").code, head("/away/z", "Location")), (301, "http://b.org/z".into()));
        assert_eq!(on(site, view, Asked::new("h", "/app/1")).to, [(7, 3000)]);
        assert_eq!(&*on(site, view, Asked::new("h", "/strip/a?q")).path, "/a?q");
        assert_eq!(got("/in").code, 404);
        assert_eq!(got("/loop").code, 500);
    });
}

#[test]
fn what_nginx_does_not_take() {
    for (conf, says) in [
        ("http {}", "no \"events\" section in configuration"),
        ("events {}\nhttp {\n  sever { }\n}", "unknown directive \"sever\" in /etc/nginx/nginx.conf:3"),
        ("events {}\nhttp {\n", "unexpected end of file, expecting \"}\" in /etc/nginx/nginx.conf:3"),
        ("events {}\n}\n", "unexpected \"}\" in /etc/nginx/nginx.conf:2"),
        ("events {}\nserver { listen 80; }", "\"server\" directive is not allowed here in /etc/nginx/nginx.conf:2"),
        ("events {}\nhttp { server { listen 80 } }", "unexpected \"}\" in /etc/nginx/nginx.conf:2"),
        (
            "events {}\nhttp { server { root; } }",
            "invalid number of arguments in \"root\" directive in /etc/nginx/nginx.conf:2",
        ),
        (
            "events {}\nhttp { include a.types; }",
            "open() \"/etc/nginx/a.types\" failed (2: No such file or directory) in /etc/nginx/nginx.conf:2",
        ),
        (
            "events {}\nhttp { server { location / { proxy_pass http://gone; } } }",
            "host not found in upstream \"gone\" in /etc/nginx/nginx.conf:2",
        ),
        (
            "events {}\nhttp { upstream u { server web weight=x; } }",
            "invalid parameter \"weight=x\" in /etc/nginx/nginx.conf:2",
        ),
        (
            "events {}\nhttp { server { listen 80 default_server; } server { listen 80 default_server; } }",
            "a duplicate default server for 0.0.0.0:80 in /etc/nginx/nginx.conf:2",
        ),
        (
            "events {}\nhttp { server { error_page 200 /x; } }",
            "value \"200\" must be between 300 and 599 in /etc/nginx/nginx.conf:2",
        ),
        (
            "events {}\nhttp { proxy_cache_path /data/nginx/cache levels=1:2; }",
            "mkdir() \"/data/nginx/cache\" failed (2: No such file or directory)",
        ),
    ] {
        with(conf, |site, _| assert_eq!(site.unwrap_err(), says));
    }
}

#[cfg(not(target_family = "wasm"))]
mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Over a round each server gets as many requests as it weighs, and every request may be tried by all of them.
        #[test]
        fn turns_follow_weights(weights in prop::collection::vec(1u32..6, 1..6)) {
            let list: String = weights.iter().enumerate().map(|(i, w)| format!("server 0.0.1.{i} weight={w}; ")).collect();
            http(&format!("upstream u {{ {list} }} server {{ location / {{ proxy_pass http://u; }} }}"), |site, view| {
                let total: u32 = weights.iter().sum();
                let mut got = vec![0; weights.len()];
                for turn in 0..u64::from(total) {
                    let to = on(site, view, Asked { turn, ..Asked::new("h", "/") }).to;
                    assert_eq!(to.len(), weights.len());
                    got[(to[0].0 & 0xff) as usize] += 1;
                }
                assert_eq!(&got, &weights);
            });
        }

        /// Whatever is asked of whatever is configured is answered.
        #[test]
        fn nothing_panics(conf in "[a-z{};/ $~^@=0-9\n\"]{0,80}", path in "/[a-z?/.%]{0,20}") {
            with(&format!("events {{}}\nhttp {{ server {{ {conf} }} }}"), |site, view| {
                if let Ok(site) = site {
                    let _ = site.answer(view, 80, Asked::new("h", &path));
                }
            });
        }
    }
}
