//! What Apache makes of its files.

use super::*;
use crate::runtime::files::Files;
use crate::runtime::web::{Asked, Onward, Reply, Served};

fn with(main: &str, f: impl FnOnce(Result<Site, String>, View<'_>)) {
    let mut root = Files::root();
    root.place(FILE, main);
    root.place("/usr/local/apache2/conf/extra/a.conf", "Redirect /a http://a.org/\n");
    root.place("/usr/local/apache2/htdocs/index.html", "home");
    root.place("/usr/local/apache2/htdocs/d/x.txt", "x");
    root.place("/srv/blue/index.html", "blue");
    f(start(View { root: &root, mounts: &[], volumes: &[] }), View { root: &root, mounts: &[], volumes: &[] });
}

fn added(more: &str, f: impl FnOnce(&Site, View<'_>)) {
    with(&(main_file() + more), |site, view| f(&site.unwrap(), view));
}

fn says(site: &Site, view: View<'_>, port: u16, host: &str, path: &str) -> Reply {
    match site.answer(view, port, Asked::new(host, path)) {
        Served::Says(reply) => reply,
        Served::Passes(on) => Reply::new(0, format!("{on:?}")),
    }
}

fn on(site: &Site, view: View<'_>, host: &str, path: &str) -> Onward {
    match site.answer(view, 80, Asked::new(host, path)) {
        Served::Passes(on) => on,
        Served::Says(reply) => panic!("{reply:?}"),
    }
}

#[test]
fn the_image_as_it_is() {
    added("", |site, view| {
        assert_eq!(site.ports, [80]);
        assert!(!site.named && site.unread.is_empty());
        let code = |path| says(site, view, 80, "h", path).code;
        assert_eq!((code("/"), code("/none"), code("/d"), code("/d/"), code("/.htaccess")), (200, 404, 301, 200, 403));
        assert!(says(site, view, 80, "h", "/d/").body.contains("Index of /d/"));
    });
}

#[test]
fn virtual_hosts_and_redirects() {
    let more = "Listen 8080\nServerName main\n<Directory /srv>\n Require all granted\n</Directory>\n\
        <VirtualHost *:80>\n ServerName www.a.com\n ServerAlias *.b.com\n</VirtualHost>\n\
        <VirtualHost *:80>\n ServerName blue\n DocumentRoot \"/srv/blue\"\n Redirect permanent /old /new\n \
        RedirectMatch 303 ^/p/(\\d+)$ http://x.org/$1\n Redirect gone /bye\n ErrorDocument 404 \"Not here\"\n Header set X-A b\n\
        </VirtualHost>\nInclude conf/extra/*.conf\n<IfModule mod_ssl.c>\n Nonsense\n</IfModule>\n";
    added(more, |site, view| {
        assert_eq!(site.ports, [80, 8080]);
        let got = |host: &str, path: &str| says(site, view, 80, host, path);
        let location = |host: &str, path: &str| {
            got(host, path).headers.into_iter().find(|(n, _)| n == "Location").map(|(_, v)| v).unwrap_or_default()
        };
        assert_eq!(&*got("blue", "/").body, "blue");
        assert_eq!(&*got("x.b.com", "/").body, "home");
        // the first one speaks for hosts that nobody knows, the main server where there is none
        assert_eq!(&*got("nobody", "/").body, "home");
        assert_eq!(&*says(site, view, 8080, "blue", "/").body, "home");
        assert_eq!((got("blue", "/old/z").code, location("blue", "/old/z")), (301, "http://blue/new/z".into()));
        assert_eq!((got("blue", "/p/7").code, location("blue", "/p/7")), (303, "http://x.org/7".into()));
        assert_eq!((got("blue", "/bye").code, got("blue", "/older").code), (410, 404));
        assert_eq!(&*got("blue", "/none").body, "Not here");
        assert_eq!(got("blue", "/").headers, [("X-A".to_owned(), "b".to_owned())]);
        assert_eq!(location("main", "/a/b"), "http://a.org//b");
    });
}

#[test]
fn what_is_passed_on() {
    let modules =
        "LoadModule proxy_module modules/mod_proxy.so\nLoadModule proxy_http_module modules/mod_proxy_http.so\n";
    let rules = "ProxyPass /api/static !\nProxyPass /api http://api:8080/v1\nProxyPassReverse /api http://api:8080/v1\n\
        <Location /own>\n ProxyPreserveHost On\n ProxyPass http://own/\n</Location>\n";
    added(&format!("{modules}{rules}"), |site, view| {
        let passed = on(site, view, "h", "/api/a?b");
        assert_eq!(passed.by_name, Some(("api".into(), 8080)));
        assert_eq!((&*passed.path, &*passed.host, passed.refused), ("/v1/a?b", "api", 503));
        assert_eq!(says(site, view, 80, "h", "/api/static/x").code, 404);
        assert_eq!(&*on(site, view, "h", "/own/x").path, "//x");
    });
    // without the module that speaks HTTP there is nobody to do it
    added("LoadModule proxy_module modules/mod_proxy.so\nProxyPass / http://api/\n", |site, view| {
        assert_eq!(says(site, view, 80, "h", "/").code, 500);
    });
}

#[test]
fn what_apache_does_not_take() {
    let conf = "/usr/local/apache2/conf/httpd.conf";
    let base = "Listen 80\nLoadModule mpm_event_module modules/mod_mpm_event.so\nLoadModule unixd_module modules/mod_unixd.so\n";
    let invalid = |name: &str| {
        format!(
            "AH00526: Syntax error on line 4 of {conf}:\nInvalid command '{name}', perhaps misspelled or defined by a module not \
             included in the server configuration"
        )
    };
    for (line, why) in [
        ("Lisen 81", invalid("Lisen")),
        ("ProxyPass / http://a/", invalid("ProxyPass")),
        ("RewriteEngine on", invalid("RewriteEngine")),
        ("<VirtualHost *:80>", format!("httpd: Syntax error on line 4 of {conf}: <VirtualHost> was not closed.")),
        (
            "</VirtualHost>",
            format!("httpd: Syntax error on line 4 of {conf}: </VirtualHost> without matching <VirtualHost> section"),
        ),
        (
            "<Directory />\n</VirtualHost>",
            format!("httpd: Syntax error on line 5 of {conf}: Expected </Directory> but saw </VirtualHost>"),
        ),
        (
            "DocumentRoot /nowhere",
            format!(
                "AH00526: Syntax error on line 4 of {conf}:\nDocumentRoot '/nowhere' is not a directory, or is not readable"
            ),
        ),
        (
            "LoadModule x_module x.so",
            format!(
                "httpd: Syntax error on line 4 of {conf}: Cannot load x.so into server: /usr/local/apache2/x.so: cannot open \
                 shared object file: No such file or directory"
            ),
        ),
    ] {
        with(&format!("{base}{line}\n"), |site, _| assert_eq!(site.unwrap_err(), why));
    }
    with("Listen 80\n", |site, _| {
        assert_eq!(site.unwrap_err(), "AH00534: httpd: Configuration error: No MPM loaded.");
    });
    with(&base.replace("Listen 80\n", ""), |site, _| assert!(site.unwrap_err().starts_with("no listening sockets")));
}
