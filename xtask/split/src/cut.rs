//! Cuts the page's module in two: the functions that a first visit runs before and while the page comes up, and all
//! others, which are loaded right after.
//!
//! Works on what wasm-bindgen and wasm-opt have made, and changes nothing of what any function does. A function of the
//! second module that the first one calls leaves a stub: it sees to it that the second module is there (the page's
//! `rest.js` loads it, at once if it must), and jumps through a table of its own. The second module shares memory,
//! tables and globals, and calls the first one's functions as imports. So the session runs the same, whenever the
//! second module comes.
//!
//! Which functions come first is a matter of `first.txt`: see [`rules`].

use crate::blobs::{self, Blob, Piece};
use std::collections::{BTreeMap, BTreeSet};
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, DataSection, ElementMode, ElementSection, ElementSegment, Elements,
    EntityType, ExportKind, ExportSection, Function, FunctionSection, GlobalSection, GlobalType, ImportSection,
    Instruction, Module, RawSection, RefType, TableSection, TableType, TypeSection, ValType,
};
use wasmparser::{ElementKind, ExternalKind, FunctionBody, KnownCustom, Name, Operator, Parser, Payload, TypeRef};

/// The imported function of `rest.js` that loads the second module.
const LOAD: &str = "restNow";
/// What the second module calls the first one.
const FIRST: &str = "f";
/// The names under which the first module shows `rest.js` that it is cut.
const TABLE: &str = "rest_table";
const LOADED: &str = "rest_loaded";

type Error = reencode::Error<String>;

fn error(text: impl Into<String>) -> Error {
    reencode::Error::UserError(text.into())
}

/// The two modules.
#[derive(Debug)]
pub struct Halves {
    /// What the page begins with.
    pub first: Vec<u8>,
    /// What it loads then.
    pub later: Vec<u8>,
    /// How many functions of the first module stand for one of the second.
    pub stubs: usize,
    /// Bytes of data that have gone to the second.
    pub data: usize,
}

/// A module, taken apart as far as needed.
struct Whole<'a> {
    types: Vec<wasmparser::FuncType>,
    /// Imported functions' types; functions are numbered after them.
    imports: Vec<u32>,
    load: Option<u32>,
    /// More than functions is imported: such a module is half of one already.
    takes_more: bool,
    functions: Vec<u32>,
    tables: Vec<wasmparser::TableType>,
    memories: Vec<wasmparser::MemoryType>,
    globals: Vec<wasmparser::GlobalType>,
    exports: Vec<wasmparser::Export<'a>>,
    elements: Vec<wasmparser::Element<'a>>,
    start: Option<u32>,
    bodies: Vec<FunctionBody<'a>>,
    data: Vec<wasmparser::Data<'a>>,
    names: BTreeMap<u32, String>,
    raw: BTreeMap<u8, &'a [u8]>,
    /// What the memory is called between the halves: other builds call it otherwise, so that halves of two builds do
    /// not link.
    memory_name: String,
    global_reader: Option<wasmparser::GlobalSectionReader<'a>>,
}

impl<'a> Whole<'a> {
    fn read(wasm: &'a [u8]) -> Result<Self, Error> {
        let mut w = Whole {
            types: vec![],
            imports: vec![],
            load: None,
            takes_more: false,
            functions: vec![],
            tables: vec![],
            memories: vec![],
            globals: vec![],
            exports: vec![],
            elements: vec![],
            start: None,
            bodies: vec![],
            data: vec![],
            names: BTreeMap::new(),
            raw: BTreeMap::new(),
            memory_name: format!("{FIRST}m{:x}", fingerprint(wasm)),
            global_reader: None,
        };
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            if let Some((id, range)) = payload.as_section()
                && id != 0
            {
                w.raw.insert(id, &wasm[range.start as usize..range.end as usize]);
            }
            match payload {
                Payload::TypeSection(s) => {
                    for t in s.into_iter_err_on_gc_types() {
                        w.types.push(t?);
                    }
                }
                Payload::ImportSection(s) => {
                    for i in s.into_imports() {
                        let i = i?;
                        let TypeRef::Func(t) = i.ty else {
                            w.takes_more = true;
                            continue;
                        };
                        if i.name == LOAD {
                            w.load = Some(w.imports.len() as u32);
                        }
                        w.imports.push(t);
                    }
                }
                Payload::FunctionSection(s) => w.functions = s.into_iter().collect::<Result<_, _>>()?,
                Payload::TableSection(s) => {
                    for t in s {
                        w.tables.push(t?.ty);
                    }
                }
                Payload::MemorySection(s) => w.memories = s.into_iter().collect::<Result<_, _>>()?,
                Payload::GlobalSection(s) => {
                    for g in s.clone() {
                        w.globals.push(g?.ty);
                    }
                    w.global_reader = Some(s);
                }
                Payload::ExportSection(s) => w.exports = s.into_iter().collect::<Result<_, _>>()?,
                Payload::StartSection { func, .. } => w.start = Some(func),
                Payload::ElementSection(s) => w.elements = s.into_iter().collect::<Result<_, _>>()?,
                Payload::CodeSectionEntry(body) => w.bodies.push(body),
                Payload::DataSection(s) => w.data = s.into_iter().collect::<Result<_, _>>()?,
                Payload::CustomSection(c) => {
                    if let KnownCustom::Name(names) = c.as_known() {
                        for n in names {
                            if let Name::Function(map) = n? {
                                for f in map {
                                    let f = f?;
                                    w.names.insert(f.index, plain_name(f.name));
                                }
                            }
                        }
                    }
                }
                Payload::TagSection(_) => return Err(error("a module with tags cannot be cut")),
                _ => {}
            }
        }
        Ok(w)
    }

    /// The type of a function.
    fn type_of(&self, f: u32) -> u32 {
        let n = self.imports.len();
        let f = f as usize;
        if f < n { self.imports[f] } else { self.functions[f - n] }
    }

    fn body(&self, f: u32) -> Option<&FunctionBody<'a>> {
        self.bodies.get((f as usize).checked_sub(self.imports.len())?)
    }

    /// The functions that a function names.
    fn named_by(&self, f: u32) -> Result<(Vec<u32>, bool), Error> {
        let (mut calls, mut takes_address) = (vec![], false);
        if let Some(body) = self.body(f) {
            let mut reader = body.get_operators_reader()?;
            while !reader.eof() {
                match reader.read()? {
                    Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                        calls.push(function_index);
                    }
                    Operator::RefFunc { function_index } => {
                        calls.push(function_index);
                        takes_address = true;
                    }
                    _ => {}
                }
            }
        }
        Ok((calls, takes_address))
    }

    /// Where the functions of the first table stand in it.
    fn slots(&self) -> Result<Vec<(u32, u32)>, Error> {
        let mut slots = vec![];
        for e in &self.elements {
            let wasmparser::ElementItems::Functions(items) = &e.items else { continue };
            let ElementKind::Active { table_index, offset_expr } = &e.kind else { continue };
            let Operator::I32Const { value } = offset_expr.get_operators_reader().read()? else { continue };
            for (n, f) in items.clone().into_iter().enumerate() {
                if table_index.unwrap_or(0) == 0 {
                    slots.push((value as u32 + n as u32, f?));
                }
            }
        }
        Ok(slots)
    }
}

/// FNV-1a.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3))
}

/// A function's name without what differs from build to build.
fn plain_name(name: &str) -> String {
    let name = format!("{:#}", rustc_demangle::demangle(name));
    // wasm-bindgen writes names out with the crates' hashes: `core[0123abcd…]::fmt`
    let mut plain = String::with_capacity(name.len());
    let mut rest = name.as_str();
    while let Some((before, after)) = rest.split_once('[') {
        plain.push_str(before);
        match after.split_once(']') {
            Some((hash, after)) if hash.len() > 8 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => rest = after,
            _ => {
                plain.push('[');
                rest = after;
            }
        }
    }
    plain + rest
}

/// The names of a module's own functions, in order, with their sizes.
pub fn functions(wasm: &[u8]) -> Result<Vec<(String, usize)>, String> {
    let whole = Whole::read(wasm).map_err(|e| e.to_string())?;
    let base = whole.imports.len() as u32;
    let own = whole.bodies.iter().enumerate();
    Ok(own
        .map(|(n, b)| {
            let range = b.range();
            let name = whole.names.get(&(base + n as u32)).cloned().unwrap_or_default();
            (name, (range.end - range.start) as usize)
        })
        .collect())
}

/// Renumbers functions; a function that is not there is an error.
struct Renumber<'m>(&'m BTreeMap<u32, u32>);

impl Reencode for Renumber<'_> {
    type Error = String;

    fn function_index(&mut self, f: u32) -> Result<u32, Error> {
        self.0.get(&f).copied().ok_or_else(|| error(format!("function {f} is not in this half")))
    }
}

/// Cuts a module: functions whose names `is_first` picks stay. Blobs go with the functions that they belong to; one whose
/// function is not there any more, or which is not in the data, stays where it is.
pub fn split(wasm: &[u8], is_first: impl Fn(&str) -> bool, blobs: &[Blob]) -> Result<Halves, String> {
    cut(wasm, is_first, blobs).map_err(|e| e.to_string())
}

fn cut(wasm: &[u8], is_first: impl Fn(&str) -> bool, blobs: &[Blob]) -> Result<Halves, Error> {
    let whole = Whole::read(wasm)?;
    let load = whole.load.ok_or_else(|| error(format!("nothing called {LOAD} is imported")))?;
    if whole.takes_more {
        return Err(error("more than functions is imported"));
    }
    let imports = whole.imports.len() as u32;
    let count = imports + whole.functions.len() as u32;

    // what data goes, and whose it is
    let mut pieces = blobs::pieces(&whole.data);
    let (mut taken, mut owners): (Vec<Piece<'_>>, Vec<&str>) = (vec![], vec![]);
    for b in blobs.iter().filter(|b| whole.names.values().filter(|n| *n == b.owner).count() == 1) {
        if let Some((left, blob)) = pieces.as_ref().and_then(|p| blobs::take(p, &b.bytes)) {
            pieces = Some(left);
            taken.push(blob);
            owners.push(b.owner);
        }
    }

    // who goes, and whom that needs
    let mut moved = BTreeSet::new();
    let mut calls = BTreeMap::new();
    for f in imports..count {
        let (named, takes_address) = whole.named_by(f)?;
        calls.insert(f, named);
        let name = whole.names.get(&f).map_or("", String::as_str);
        // what has no name was made by wasm-bindgen to start with
        if !takes_address && whole.start != Some(f) && !name.is_empty() && (!is_first(name) || owners.contains(&name)) {
            moved.insert(f);
        } else if owners.contains(&name) {
            return Err(error(format!("{name} has data of the second half and cannot go there")));
        }
    }
    let mut stubs = BTreeSet::new();
    let mut shared = BTreeSet::new();
    for (f, named) in &calls {
        let here = moved.contains(f);
        for g in named {
            match (here, moved.contains(g)) {
                (false, true) => stubs.insert(*g),
                (true, false) => shared.insert(*g),
                _ => false,
            };
        }
    }
    let exported = whole.exports.iter().filter(|e| e.kind == ExternalKind::Func).map(|e| e.index);
    let slots = whole.slots()?;
    stubs.extend(exported.chain(slots.iter().map(|(_, f)| *f)).filter(|f| moved.contains(f)));
    let first = first_half(&whole, load, &moved, &stubs, &shared, pieces.filter(|_| !taken.is_empty()))?;
    let later = second_half(&whole, &moved, &stubs, &shared, &slots, &taken)?;
    Ok(Halves { first, later, stubs: stubs.len(), data: taken.iter().map(|(_, bytes)| bytes.len()).sum() })
}

fn raw(module: &mut Module, whole: &Whole<'_>, id: u8) {
    if let Some(data) = whole.raw.get(&id) {
        module.section(&RawSection { id, data });
    }
}

fn loaded_global() -> GlobalType {
    GlobalType { val_type: ValType::I32, mutable: true, shared: false }
}

fn rest_table(stubs: usize) -> TableType {
    let n = stubs as u64;
    TableType { element_type: RefType::FUNCREF, table64: false, minimum: n, maximum: Some(n), shared: false }
}

fn first_half(
    whole: &Whole<'_>,
    load: u32,
    moved: &BTreeSet<u32>,
    stubs: &BTreeSet<u32>,
    shared: &BTreeSet<u32>,
    data: Option<Vec<Piece<'_>>>,
) -> Result<Vec<u8>, Error> {
    let imports = whole.imports.len() as u32;
    let count = imports + whole.functions.len() as u32;
    let kept: Vec<u32> = (imports..count).filter(|f| !moved.contains(f) || stubs.contains(f)).collect();
    let mut numbers: BTreeMap<u32, u32> = (0..imports).map(|f| (f, f)).collect();
    numbers.extend(kept.iter().enumerate().map(|(n, f)| (*f, imports + n as u32)));
    let mut re = Renumber(&numbers);

    let mut module = Module::new();
    raw(&mut module, whole, 1);
    raw(&mut module, whole, 2);
    let mut functions = FunctionSection::new();
    for f in &kept {
        functions.function(whole.type_of(*f));
    }
    module.section(&functions);
    let mut tables = TableSection::new();
    for t in &whole.tables {
        tables.table(re.table_type(*t)?);
    }
    tables.table(rest_table(stubs.len()));
    module.section(&tables);
    raw(&mut module, whole, 5);
    let mut globals = GlobalSection::new();
    if let Some(reader) = &whole.global_reader {
        re.parse_global_section(&mut globals, reader.clone())?;
    }
    globals.global(loaded_global(), &ConstExpr::i32_const(0));
    module.section(&globals);
    let mut exports = ExportSection::new();
    for e in &whole.exports {
        re.parse_export(&mut exports, *e)?;
    }
    for (n, f) in shared.iter().enumerate() {
        exports.export(&shared_name(n), ExportKind::Func, re.function_index(*f)?);
    }
    for n in 0..whole.globals.len() {
        exports.export(&format!("{FIRST}g{n}"), ExportKind::Global, n as u32);
    }
    for n in 0..whole.tables.len() {
        exports.export(&format!("{FIRST}t{n}"), ExportKind::Table, n as u32);
    }
    exports.export(&whole.memory_name, ExportKind::Memory, 0);
    exports.export(TABLE, ExportKind::Table, whole.tables.len() as u32);
    exports.export(LOADED, ExportKind::Global, whole.globals.len() as u32);
    module.section(&exports);
    if let Some(start) = whole.start {
        let function_index = re.function_index(start)?;
        module.section(&wasm_encoder::StartSection { function_index });
    }
    let mut elements = ElementSection::new();
    for e in &whole.elements {
        re.parse_element(&mut elements, e.clone())?;
    }
    module.section(&elements);
    match (&data, whole.raw.contains_key(&12)) {
        (Some(data), true) => {
            module.section(&DataCountSection { count: data.len() as u32 });
        }
        _ => raw(&mut module, whole, 12),
    }
    let mut code = CodeSection::new();
    let mut slot = 0;
    for f in &kept {
        if !moved.contains(f) {
            let body = whole.body(*f).ok_or_else(|| error("a function without a body"))?;
            re.parse_function_body(&mut code, body.clone())?;
            continue;
        }
        let mut stub = Function::new([]);
        stub.instruction(&Instruction::GlobalGet(whole.globals.len() as u32));
        stub.instruction(&Instruction::I32Eqz);
        stub.instruction(&Instruction::If(wasm_encoder::BlockType::Empty));
        stub.instruction(&Instruction::Call(load));
        stub.instruction(&Instruction::End);
        let type_index = whole.type_of(*f);
        for p in 0..whole.types[type_index as usize].params().len() {
            stub.instruction(&Instruction::LocalGet(p as u32));
        }
        stub.instruction(&Instruction::I32Const(slot));
        stub.instruction(&Instruction::CallIndirect { type_index, table_index: whole.tables.len() as u32 });
        stub.instruction(&Instruction::End);
        code.function(&stub);
        slot += 1;
    }
    module.section(&code);
    match &data {
        Some(data) => {
            module.section(&active_data(data));
        }
        None => raw(&mut module, whole, 11),
    }
    Ok(module.finish())
}

fn active_data(pieces: &[Piece<'_>]) -> DataSection {
    let mut section = DataSection::new();
    for (offset, bytes) in pieces {
        section.active(0, &ConstExpr::i32_const(*offset as i32), bytes.iter().copied());
    }
    section
}

/// The short name by which the second module finds a function of the first.
fn shared_name(n: usize) -> String {
    format!("{FIRST}{n:x}")
}

fn second_half(
    whole: &Whole<'_>,
    moved: &BTreeSet<u32>,
    stubs: &BTreeSet<u32>,
    shared: &BTreeSet<u32>,
    slots: &[(u32, u32)],
    data: &[Piece<'_>],
) -> Result<Vec<u8>, Error> {
    let own = shared.iter().chain(moved);
    let numbers: BTreeMap<u32, u32> = own.enumerate().map(|(n, f)| (*f, n as u32)).collect();
    let mut re = Renumber(&numbers);

    let mut module = Module::new();
    let mut types = TypeSection::new();
    for t in &whole.types {
        types.ty().func_type(&re.func_type(t.clone())?);
    }
    module.section(&types);
    let mut imports = ImportSection::new();
    for (n, f) in shared.iter().enumerate() {
        imports.import(FIRST, &shared_name(n), EntityType::Function(whole.type_of(*f)));
    }
    for (n, t) in whole.tables.iter().enumerate() {
        imports.import(FIRST, &format!("{FIRST}t{n}"), EntityType::Table(re.table_type(*t)?));
    }
    imports.import(FIRST, TABLE, EntityType::Table(rest_table(stubs.len())));
    let memory = whole.memories.first().ok_or_else(|| error("a module without memory"))?;
    imports.import(FIRST, &whole.memory_name, EntityType::Memory(re.memory_type(*memory)?));
    for (n, g) in whole.globals.iter().enumerate() {
        imports.import(FIRST, &format!("{FIRST}g{n}"), EntityType::Global(re.global_type(*g)?));
    }
    module.section(&imports);
    let mut functions = FunctionSection::new();
    for f in moved {
        functions.function(whole.type_of(*f));
    }
    module.section(&functions);
    let mut elements = ElementSection::new();
    let mut active = |table: u32, offset: u32, list: &[u32]| {
        elements.segment(ElementSegment {
            mode: ElementMode::Active { table: Some(table), offset: &ConstExpr::i32_const(offset as i32) },
            elements: Elements::Functions(list.into()),
        });
    };
    let stubbed: Vec<u32> = stubs.iter().map(|f| numbers[f]).collect();
    active(whole.tables.len() as u32, 0, &stubbed);
    // from then on those who call through a table reach the functions themselves
    let mut run: Vec<u32> = vec![];
    let mut begin = 0;
    for (at, f) in slots.iter().filter(|(_, f)| moved.contains(f)) {
        if begin + run.len() as u32 != *at {
            if !run.is_empty() {
                active(0, begin, &run);
            }
            run.clear();
            begin = *at;
        }
        run.push(numbers[f]);
    }
    if !run.is_empty() {
        active(0, begin, &run);
    }
    module.section(&elements);
    let mut code = CodeSection::new();
    for f in moved {
        let body = whole.body(*f).ok_or_else(|| error("a function without a body"))?;
        re.parse_function_body(&mut code, body.clone())?;
    }
    module.section(&code);
    if !data.is_empty() {
        module.section(&active_data(data));
    }
    Ok(module.finish())
}

/// The same module, in which each function notes that it was run: byte N of the memory `profile` is 1 once the Nth of
/// [`functions`] has been.
pub fn profiled(wasm: &[u8]) -> Result<Vec<u8>, String> {
    note_calls(wasm).map_err(|e| e.to_string())
}

fn note_calls(wasm: &[u8]) -> Result<Vec<u8>, Error> {
    let whole = Whole::read(wasm)?;
    let numbers: BTreeMap<u32, u32> =
        (0..(whole.imports.len() + whole.functions.len()) as u32).map(|f| (f, f)).collect();
    let mut re = Renumber(&numbers);
    let mut module = Module::new();
    for id in [1, 2, 3, 4] {
        raw(&mut module, &whole, id);
    }
    let mut memories = wasm_encoder::MemorySection::new();
    for m in &whole.memories {
        memories.memory(re.memory_type(*m)?);
    }
    let pages = 1 + whole.functions.len() as u64 / 65_536;
    memories.memory(wasm_encoder::MemoryType {
        minimum: pages,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    module.section(&memories);
    raw(&mut module, &whole, 6);
    let mut exports = ExportSection::new();
    for e in &whole.exports {
        re.parse_export(&mut exports, *e)?;
    }
    exports.export("profile", ExportKind::Memory, whole.memories.len() as u32);
    module.section(&exports);
    for id in [8, 9, 12] {
        raw(&mut module, &whole, id);
    }
    let mut code = CodeSection::new();
    for (n, body) in whole.bodies.iter().enumerate() {
        let mut f = re.new_function_with_parsed_locals(body)?;
        f.instruction(&Instruction::I32Const(n as i32));
        f.instruction(&Instruction::I32Const(1));
        let target = wasm_encoder::MemArgTarget::Memory(whole.memories.len() as u32);
        f.instruction(&Instruction::I32Store8(wasm_encoder::MemArg { offset: 0, align: 0, target, ordering: None }));
        let mut reader = body.get_operators_reader()?;
        while !reader.eof() {
            f.instruction(&re.parse_instruction(&mut reader)?);
        }
        code.function(&f);
    }
    module.section(&code);
    raw(&mut module, &whole, 11);
    Ok(module.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{MemorySection, MemoryType, NameMap, NameSection};

    /// `stays` calls `goes`, which calls `helps`; a table holds `goes`.
    fn module() -> Vec<u8> {
        let mut m = Module::new();
        let mut types = TypeSection::new();
        types.ty().function([], []);
        types.ty().function([ValType::I32], [ValType::I32]);
        m.section(&types);
        let mut imports = ImportSection::new();
        imports.import("./rest.js", LOAD, EntityType::Function(0));
        m.section(&imports);
        let mut functions = FunctionSection::new();
        for _ in 0..3 {
            functions.function(1);
        }
        m.section(&functions);
        let mut tables = TableSection::new();
        tables.table(rest_table(2));
        m.section(&tables);
        let mut memories = MemorySection::new();
        memories.memory(MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None });
        m.section(&memories);
        let mut exports = ExportSection::new();
        exports.export("stays", ExportKind::Func, 1);
        m.section(&exports);
        let mut elements = ElementSection::new();
        elements.active(None, &ConstExpr::i32_const(1), Elements::Functions([2].as_slice().into()));
        m.section(&elements);
        let mut code = CodeSection::new();
        for callee in [Some(2), Some(3), None] {
            let mut f = Function::new([]);
            f.instruction(&Instruction::LocalGet(0));
            if let Some(callee) = callee {
                f.instruction(&Instruction::Call(callee));
            }
            f.instruction(&Instruction::End);
            code.function(&f);
        }
        m.section(&code);
        let mut data = DataSection::new();
        data.active(0, &ConstExpr::i32_const(8), *b"first BLOB last");
        m.section(&data);
        let mut names = NameMap::new();
        for (n, name) in ["stays", "goes", "helps"].iter().enumerate() {
            names.append(n as u32 + 1, name);
        }
        let mut section = NameSection::new();
        section.functions(&names);
        m.section(&section);
        m.finish()
    }

    #[test]
    fn what_goes_leaves_a_stub_and_calls_back() {
        let wasm = module();
        let halves = split(&wasm, |name| name != "goes", &[]).expect("it can be cut");
        assert_eq!(halves.stubs, 1);
        let first = Whole::read(&halves.first).expect("a module");
        let later = Whole::read(&halves.later).expect("a module");
        assert_eq!((first.bodies.len(), later.bodies.len()), (3, 1));
        let (calls, _) = first.named_by(2).expect("a body");
        assert_eq!(calls, [0], "the stub loads the rest");
        assert_eq!(later.slots().expect("elements"), [(1, 1)], "the table then holds the function itself");
        let exported: Vec<&str> = first.exports.iter().map(|e| e.name).collect();
        assert_eq!(exported[..2], ["stays", "f0"]);
        assert!(
            exported.contains(&TABLE)
                && exported.contains(&LOADED)
                && exported.contains(&&*format!("fm{:x}", fingerprint(&wasm)))
        );
        assert!(split(&halves.later, |_| true, &[]).is_err(), "nothing loads a rest there");
    }

    #[test]
    fn data_goes_with_the_function_that_it_belongs_to() {
        let blob = |owner| [Blob { owner, bytes: b"BLOB".to_vec() }];
        let held = |wasm: &[u8]| -> Vec<(u32, Vec<u8>)> {
            let whole = Whole::read(wasm).expect("a module");
            let pieces = blobs::pieces(&whole.data).expect("active data");
            pieces.into_iter().map(|(at, bytes)| (at, bytes.to_vec())).collect()
        };
        let halves = split(&module(), |_| true, &blob("helps")).expect("it can be cut");
        assert_eq!(halves.data, 4);
        assert_eq!(held(&halves.first), [(8, b"first ".to_vec()), (18, b" last".to_vec())]);
        assert_eq!(held(&halves.later), [(14, b"BLOB".to_vec())]);
        assert_eq!(Whole::read(&halves.later).expect("a module").bodies.len(), 1, "its function goes, first or not");
        let halves = split(&module(), |_| true, &blob("gone")).expect("it can be cut");
        assert_eq!((halves.data, held(&halves.first).len(), held(&halves.later).len()), (0, 1, 0));
    }
}
