//! `cargo xtask dist`.

use crate::web::{self, Build};
use crate::{Done, tools};
use std::path::{Path, PathBuf};

/// Writes the static site: relative addresses only, so that it works from any path. With `--learn` it only learns anew
/// which of the page's functions a first visit needs.
pub fn run(args: &[String]) -> Done {
    let dist = match args {
        [learn] if learn == "--learn" => return web::learn(),
        [] => tools::root().join("dist"),
        [dir] if !dir.starts_with('-') => std::path::absolute(dir).map_err(|e| format!("{dir}: {e}"))?,
        _ => return Err("usage: cargo xtask dist [DIR | --learn]".into()),
    };
    web::build(Build::Release, &dist)?;
    stamp(&dist).map_err(|e| format!("{}: {e}", dist.display()))?;
    println!("{}", dist.display());
    sizes(&dist)
}

/// Gives the service worker the version of what it keeps: a number made of all files, so that any change is a new one.
fn stamp(dist: &Path) -> std::io::Result<()> {
    let mut files = vec![];
    list(dist, &mut files)?;
    files.sort();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for file in &files {
        for b in std::fs::read(file)? {
            hash = (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    let worker = dist.join("sw.js");
    let text = std::fs::read_to_string(&worker)?;
    std::fs::write(worker, text.replace("\"kubarium-dev\"", &format!("\"kubarium-{hash:016x}\"")))
}

/// What the page needs before it can be used; whatever else a visit loads comes after, or is never asked for.
const FIRST: &[&str] = &["index.html", "style.css", "boot.js", "kubarium.js", "kubarium_bg.wasm", "snippets/"];

/// Prints the size of each file, plain and as a server would send it: first what a first visit waits for.
pub fn sizes(dist: &Path) -> Done {
    let mut files = vec![];
    list(dist, &mut files).map_err(|e| format!("{}: {e}", dist.display()))?;
    let mut files: Vec<String> = files
        .iter()
        .map(|f| f.strip_prefix(dist).unwrap_or(f).to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/"))
        .collect();
    let is_first = |f: &String| FIRST.iter().any(|p| f == p || p.ends_with('/') && f.starts_with(p));
    files.sort_by_key(|f| (!is_first(f), f.clone()));
    let first = files.iter().filter(|f| is_first(f)).count();
    let script = "const fs=require('fs'),z=require('zlib'),n=x=>String(x).padStart(9);\
        const [dir,first,...files]=process.argv.slice(1);\
        console.log(n('bytes')+n('gzip')+n('brotli'));\
        const group=(files,name)=>{const all=[0,0,0];\
        for(const f of files){const t=fs.readFileSync(dir+'/'+f);\
        const s=[t.length,z.gzipSync(t,{level:9}).length,z.brotliCompressSync(t).length];\
        s.forEach((x,i)=>all[i]+=x);if(s[2]>1000)console.log(s.map(n).join('')+'  '+f)}\
        console.log(all.map(n).join('')+'  '+name+', '+files.length+' files')};\
        group(files.slice(0,first),'FIRST LOAD');group(files.slice(first),'later')";
    let mut node = tools::command("node");
    node.arg("-e").arg(script).arg(dist).arg(first.to_string()).args(&files);
    match node.status() {
        Ok(s) if s.success() => Ok(()),
        Ok(s) => Err(format!("node: {s}")),
        Err(e) => Err(format!("node: {e}")),
    }
}

fn list(dir: &Path, out: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, out)?;
        } else {
            out.push(path);
        }
    }
    Ok(())
}
