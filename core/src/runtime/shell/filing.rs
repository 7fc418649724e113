//! Programs that look at or change files and directories. Their outputs follow BusyBox.

use super::utilities::{Done, Given};
use crate::runtime::files::{Entry, FileSystem, Problem, normalize};

/// `10M`, `512k`, `100`: bytes as dd and truncate read them.
fn size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[digits.len()..].to_ascii_lowercase().trim_end_matches("ib").trim_end_matches('b') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => return None,
    };
    digits.parse::<u64>().ok().map(|n| n.saturating_mul(1 << shift))
}

/// Permissions as `ls -l` prints them.
fn letters(mode: u16) -> String {
    let bit = |i: u16| if mode >> i & 1 == 1 { ['x', 'w', 'r'][usize::from(i) % 3] } else { '-' };
    (0..9).rev().map(bit).collect()
}

/// Programs that look at or change files.
pub(super) fn file(g: &Given<'_>, fs: &mut FileSystem<'_>, plain: &[&str]) -> Done {
    let has = |c: char| g.args.iter().any(|a| a.starts_with('-') && !a.starts_with("--") && a.contains(c));
    let path = |p: &str| normalize(g.cwd, p);
    let mut d = Done::default();
    match g.name {
        "dd" => {
            let given = |key: &str| g.args.iter().find_map(|a| a.strip_prefix(key));
            let number = |key: &str, default: u64| given(key).map_or(Some(default), size);
            let (Some(block), Some(count)) = (number("bs=", 512), number("count=", 0)) else {
                return Done::fail(1, "dd: invalid number");
            };
            if let Some(f) = given("of=")
                && let Err(p) = fs.write_zeros(&path(f), block.saturating_mul(count))
            {
                return match p {
                    Problem::Full => Done::fail(1, format!("dd: error writing '{f}': {p}")),
                    p => Done::fail(1, format!("dd: can't open '{f}': {p}")),
                };
            }
            d.err = format!("{count}+0 records in\n{count}+0 records out\n");
        }
        "truncate" | "fallocate" => {
            let flag = if g.name == "truncate" { "-s" } else { "-l" };
            let at = g.args.iter().position(|a| a.starts_with(flag));
            let value = at.and_then(|i| {
                let joined = g.args[i].strip_prefix(flag).filter(|v| !v.is_empty());
                joined.or(g.args.get(i + 1).map(String::as_str))
            });
            let Some(bytes) = value.and_then(size) else { return Done::fail(1, format!("{}: invalid size", g.name)) };
            for f in plain.iter().filter(|f| Some(**f) != value) {
                if let Err(p) = fs.write_zeros(&path(f), bytes) {
                    return Done::fail(1, format!("{}: {f}: {p}", g.name));
                }
            }
        }
        "touch" => {
            for f in plain {
                if fs.get(&path(f)).is_none()
                    && let Err(p) = fs.write(&path(f), "", true)
                {
                    d.err += &format!("{}: {f}: {p}\n", g.name);
                    d.code = 1;
                }
            }
        }
        "rm" | "rmdir" => {
            for f in plain {
                let done = match fs.get(&path(f)) {
                    _ if fs.link_at(&path(f)).is_some() && g.name == "rm" => {
                        fs.remove(&path(f)).map_err(|p| format!("rm: can't remove '{f}': {p}"))
                    }
                    None if has('f') => Ok(()),
                    Some(Entry::Dir) if g.name == "rm" && !has('r') && !has('R') => {
                        Err(format!("rm: '{f}' is a directory"))
                    }
                    Some(Entry::Dir) if g.name == "rmdir" && !fs.list(&path(f)).is_empty() => {
                        Err(format!("rmdir: '{f}': Directory not empty"))
                    }
                    _ => fs.remove(&path(f)).map_err(|p| format!("{}: can't remove '{f}': {p}", g.name)),
                };
                if let Err(e) = done {
                    d.err += &format!("{e}\n");
                    d.code = 1;
                }
            }
        }
        "mkdir" => {
            for f in plain {
                let p = path(f);
                if has('p') {
                    let cuts: Vec<usize> = p.match_indices('/').map(|(i, _)| i).skip(1).chain([p.len()]).collect();
                    for end in cuts {
                        let _ = fs.mkdir(&p[..end]);
                    }
                } else if let Err(e) = fs.mkdir(&p) {
                    d.err += &format!("mkdir: can't create directory '{f}': {e}\n");
                    d.code = 1;
                }
            }
        }
        "ls" => {
            let mut targets: Vec<String> = plain.iter().map(|p| (*p).to_owned()).collect();
            if targets.is_empty() {
                targets.push(".".into());
            }
            let several = targets.len() > 1 || has('R');
            let mut at = 0;
            while at < targets.len() && at < 500 {
                let f = targets[at].clone();
                at += 1;
                // a link that is asked for itself is shown as one
                let link = fs.link_at(&path(&f)).is_some() && (has('l') || has('d')) && !f.ends_with('/');
                let names: Vec<String> = match fs.get(&path(&f)) {
                    _ if link => vec![f.clone()],
                    None => {
                        d.err += &format!("ls: {f}: No such file or directory\n");
                        d.code = 1;
                        continue;
                    }
                    Some(Entry::File(_) | Entry::Zeros(_) | Entry::Link(_)) => vec![f.clone()],
                    Some(Entry::Dir) if has('d') => vec![f.clone()],
                    Some(Entry::Dir) => {
                        if several {
                            d.out += &format!("{}{f}:\n", if at > 1 { "\n" } else { "" });
                        }
                        let all = fs.list(&path(&f));
                        let shown = |n: &str| has('a') || has('A') || !n.starts_with('.');
                        if has('R') {
                            let below = all.iter().filter(|(n, is_dir)| *is_dir && shown(n));
                            let below: Vec<String> =
                                below.map(|(n, _)| format!("{}/{n}", f.trim_end_matches('/'))).collect();
                            targets.splice(at..at, below);
                        }
                        let own = [".", ".."].into_iter().filter(|_| has('a')).map(str::to_owned);
                        own.chain(all.into_iter().map(|(n, _)| n).filter(|n| shown(n))).collect()
                    }
                };
                if has('l') && !link && matches!(fs.get(&path(&f)), Some(Entry::Dir)) && !has('d') {
                    let blocks = |n: &&String| fs.link_at(&normalize(&path(&f), n)).is_none();
                    d.out += &format!("total {}\n", names.iter().filter(blocks).count() * 4);
                }
                for n in names {
                    if has('l') {
                        let full = if n == f { path(&f) } else { normalize(&path(&f), &n) };
                        let to = fs.link_at(&full).filter(|_| n != "." && n != "..");
                        let (mode, size) = match (fs.get(&full), fs.mounted(&full)) {
                            _ if to.is_some() => ("lrwxrwxrwx    1", to.as_ref().map_or(0, |t| t.len() as u64)),
                            (Some(Entry::File(t)), _) => ("-rw-r--r--    1", t.len() as u64),
                            (Some(Entry::Zeros(n)), _) => ("-rw-r--r--    1", n),
                            (_, Some(true)) if fs.user.fs_group.is_some() => ("drwxrwsrwx    2", 4096),
                            (_, Some(_)) => ("drwxrwxrwx    2", 4096),
                            _ => ("drwxr-xr-x    2", 4096),
                        };
                        let given =
                            fs.mode(&full).filter(|_| mode.starts_with("-")).map(|m| format!("-{}    1", letters(m)));
                        let mode = given.as_deref().unwrap_or(mode);
                        let (user, group) = fs.owner(&full);
                        let name = |n: u32| if n == 0 { "root".to_owned() } else { n.to_string() };
                        let to = to.map_or(String::new(), |t| format!(" -> {t}"));
                        d.out += &format!(
                            "{mode} {:<8} {:<8} {size:9} {} {n}{to}\n",
                            name(user),
                            name(group),
                            g.now.timestamp().strftime("%b %e %H:%M")
                        );
                    } else {
                        d.out += &format!("{n}\n");
                    }
                }
            }
        }
        "cp" | "mv" => {
            let [from @ .., to] = plain else { return Done::fail(1, format!("{}: missing file operand", g.name)) };
            let into = matches!(fs.get(&path(to)), Some(Entry::Dir));
            for f in from {
                let base = f.trim_end_matches('/').rsplit('/').next().unwrap_or(f);
                let target = if into { normalize(&path(to), base) } else { path(to) };
                if let Err(e) = copy(fs, &path(f), &target, 0) {
                    d.err += &format!("{}: can't stat '{f}': {e}\n", g.name);
                    d.code = 1;
                } else if g.name == "mv" {
                    let _ = fs.remove(&path(f));
                }
            }
        }
        "find" => {
            let root = plain.first().copied().unwrap_or(".");
            let name = g.args.iter().position(|a| a == "-name").and_then(|i| g.args.get(i + 1));
            let after = |flag: &str| g.args.iter().position(|a| a == flag).and_then(|i| g.args.get(i + 1)).cloned();
            let kind = after("-type");
            let depth: usize = after("-maxdepth").and_then(|n| crate::text::count(&n)).unwrap_or(usize::MAX);
            if fs.get(&path(root)).is_none() {
                return Done::fail(1, format!("find: {root}: No such file or directory"));
            }
            let mut stack = vec![root.to_owned()];
            while let Some(p) = stack.pop() {
                let base = p.rsplit('/').next().unwrap_or(&p);
                let link = fs.link_at(&path(&p)).is_some() && p != root;
                let is_dir = !link && matches!(fs.get(&path(&p)), Some(Entry::Dir));
                let fits = kind.as_deref().is_none_or(|k| match k {
                    "d" => is_dir,
                    "l" => link,
                    _ => !is_dir && !link,
                });
                if fits && name.is_none_or(|n| super::expand::matches(n, base)) {
                    d.out += &format!("{p}\n");
                }
                let level =
                    p.trim_end_matches('/').matches('/').count() - root.trim_end_matches('/').matches('/').count();
                let below = if level < depth && !link { fs.list(&path(&p)) } else { vec![] };
                stack.extend(below.into_iter().rev().map(|(n, _)| format!("{}/{n}", p.trim_end_matches('/'))));
            }
        }
        "du" => {
            let targets = if plain.is_empty() { vec!["."] } else { plain.to_vec() };
            for t in targets {
                if fs.get(&path(t)).is_none() {
                    d.err += &format!("du: {t}: No such file or directory\n");
                    d.code = 1;
                    continue;
                }
                let kib = used(fs, &path(t), 0);
                let text = if has('h') && kib >= 1024 {
                    format!("{:.1}M", kib as f64 / 1024.0)
                } else if has('h') {
                    format!("{kib}.0K")
                } else {
                    kib.to_string()
                };
                if !has('s') {
                    for (n, is_dir) in fs.list(&path(t)) {
                        if is_dir {
                            let below = format!("{}/{n}", t.trim_end_matches('/'));
                            d.out += &format!("{}\t{below}\n", used(fs, &path(&below), 0));
                        }
                    }
                }
                d.out += &format!("{text}\t{t}\n");
            }
        }
        "mktemp" => {
            let p = format!("/tmp/tmp.{:06}", g.now.0 % 1_000_000);
            if has('d') {
                let _ = fs.mkdir(&p);
            } else {
                let _ = fs.write(&p, "", false);
            }
            d.out = format!("{p}\n");
        }
        "realpath" => d.out = plain.iter().fold(String::new(), |s, p| s + &fs.view().leads_to(&path(p), true) + "\n"),
        "readlink" => {
            for f in plain {
                match fs.link_at(&path(f)) {
                    _ if has('f') || has('e') || has('m') => d.out += &(fs.view().leads_to(&path(f), true) + "\n"),
                    Some(to) => d.out += &format!("{to}\n"),
                    None => d.code = 1,
                }
            }
            if has('n') {
                d.out = d.out.trim_end_matches('\n').to_owned();
            }
        }
        "stat" | "chmod" | "chown" | "chgrp" => {
            let skip = usize::from(g.name != "stat");
            for f in plain.iter().skip(skip) {
                if fs.get(&path(f)).is_none() {
                    d.err += &format!("{}: {f}: No such file or directory\n", g.name);
                    d.code = 1;
                } else if g.name == "stat" {
                    let (size, kind, mode) = match fs.get(&path(f)) {
                        Some(Entry::File(t)) => (t.len() as u64, "regular file", "0644/-rw-r--r--"),
                        Some(Entry::Zeros(n)) => (n, "regular file", "0644/-rw-r--r--"),
                        _ => (4096, "directory", "0755/drwxr-xr-x"),
                    };
                    let given = fs.mode(&path(f)).filter(|_| kind == "regular file");
                    let given = given.map(|m| format!("{m:04o}/-{}", letters(m)));
                    let mode = given.as_deref().unwrap_or(mode);
                    let (user, group) = fs.owner(&path(f));
                    let name = |n: u32| if n == 0 { "root".to_owned() } else { "UNKNOWN".to_owned() };
                    d.out += &format!(
                        "  File: {f}\n  Size: {size:<10}\tBlocks: {:<10} IO Block: 4096   {kind}\nAccess: ({mode})  Uid: ({user:5}/{:>8})   Gid: ({group:5}/{:>8})\n",
                        size.div_ceil(512),
                        name(user),
                        name(group)
                    );
                }
            }
        }
        "ln" => {
            if let [from, to] = plain {
                let into =
                    matches!(fs.get(&path(to)), Some(Entry::Dir)) && !(has('n') && fs.link_at(&path(to)).is_some());
                let base = from.trim_end_matches('/').rsplit('/').next().unwrap_or(from);
                let at = if into { normalize(&path(to), base) } else { path(to) };
                if has('f') && (fs.link_at(&at).is_some() || matches!(fs.get(&at), Some(Entry::File(_)))) {
                    let _ = fs.remove(&at);
                }
                let made = if has('s') { fs.link(&at, from) } else { copy(fs, &path(from), &at, 0) };
                if let Err(e) = made {
                    return Done::fail(1, format!("ln: {to}: {e}"));
                }
            }
        }
        _ => {}
    }
    d
}

/// KiB that a file, or a directory with all that is in it, takes.
fn used(fs: &FileSystem<'_>, path: &str, depth: u32) -> u64 {
    match fs.get(path) {
        _ if fs.link_at(path).is_some() => 0,
        Some(Entry::File(t)) => (t.len() as u64).div_ceil(4096) * 4,
        Some(Entry::Zeros(n)) => n.div_ceil(4096) * 4,
        Some(Entry::Dir) if depth < 20 => {
            4 + fs.list(path).into_iter().map(|(n, _)| used(fs, &normalize(path, &n), depth + 1)).sum::<u64>()
        }
        _ => 0,
    }
}

fn copy(fs: &mut FileSystem<'_>, from: &str, to: &str, depth: u32) -> Result<(), Problem> {
    match fs.get(from) {
        Some(Entry::Dir) if depth < 20 && !to.starts_with(&format!("{from}/")) => {
            let _ = fs.mkdir(to);
            for (n, _) in fs.list(from) {
                copy(fs, &normalize(from, &n), &normalize(to, &n), depth + 1)?;
            }
            Ok(())
        }
        Some(Entry::Dir) => Err(Problem::IsDir),
        Some(Entry::File(t)) => fs.write(to, &t, false),
        Some(Entry::Zeros(n)) => fs.write_zeros(to, n),
        Some(Entry::Link(_)) => Ok(()),
        None => Err(Problem::Missing),
    }
}
