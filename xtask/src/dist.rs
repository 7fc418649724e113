//! `cargo xtask dist`.

use crate::web::{self, Build};
use crate::{Done, tools};
use std::path::{Path, PathBuf};

/// Writes the static site: relative addresses only, so that it works from any path.
pub fn run(args: &[String]) -> Done {
    let dist = match args {
        [] => tools::root().join("dist"),
        [dir] if !dir.starts_with('-') => std::path::absolute(dir).map_err(|e| format!("{dir}: {e}"))?,
        _ => return Err("usage: cargo xtask dist [DIR]".into()),
    };
    web::build(Build::Release, &dist)?;
    println!("{}", dist.display());
    sizes(&dist)
}

/// Prints what a first visit loads: each file, plain and as a server would send it.
pub fn sizes(dist: &Path) -> Done {
    let mut files = vec![];
    list(dist, &mut files).map_err(|e| format!("{}: {e}", dist.display()))?;
    files.sort();
    let script = "const fs=require('fs'),z=require('zlib');let a=0,g=0,b=0;\
        const n=x=>String(x).padStart(9);\
        console.log(n('bytes')+n('gzip')+n('brotli'));\
        for(const f of process.argv.slice(2)){const t=fs.readFileSync(process.argv[1]+'/'+f);\
        const u=z.gzipSync(t,{level:9}).length,v=z.brotliCompressSync(t).length;a+=t.length;g+=u;b+=v;\
        if(t.length>20000)console.log(n(t.length)+n(u)+n(v)+'  '+f)}\
        console.log(n(a)+n(g)+n(b)+'  all '+(process.argv.length-2)+' files')";
    let mut node = tools::command("node");
    node.arg("-e").arg(script).arg(dist);
    for f in &files {
        node.arg(f.strip_prefix(dist).unwrap_or(f));
    }
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
