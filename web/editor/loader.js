// The editor's functions, before the editor is there: its bundle is large, so it is loaded when an editor is first
// wanted, after the page has been drawn. What is asked of an editor until then is done in order once it has come.
// Names and arguments are those of editor.js.

let coming = null;

function bundle() {
  // beside the page, wherever that stands
  coming ??= import(new URL("editor.js", document.baseURI).href).catch((error) => {
    coming = null;
    throw error;
  });
  return coming;
}

function later(handle, job) {
  if (handle.editor) job(handle.code, handle.editor);
  else handle.jobs.push(job);
}

export function create(parent, options) {
  const handle = { code: null, editor: null, jobs: [], gone: false };
  bundle().then(
    (code) => {
      if (handle.gone) return;
      handle.code = code;
      handle.editor = code.create(parent, options);
      for (const job of handle.jobs.splice(0)) job(code, handle.editor);
    },
    (error) => {
      console.error(error);
      // the text at least
      if (!handle.gone) parent.textContent = options.doc;
    },
  );
  return handle;
}

export function destroy(handle) {
  handle.gone = true;
  if (handle.editor) handle.code.destroy(handle.editor);
}

export function setDoc(handle, text) {
  later(handle, (code, editor) => code.setDoc(editor, text));
}

export function setTheme(handle, dark) {
  later(handle, (code, editor) => code.setTheme(editor, dark));
}

export function setPhrases(handle, phrases) {
  later(handle, (code, editor) => code.setPhrases(editor, phrases));
}

export function goto(handle, line, column) {
  later(handle, (code, editor) => code.goto(editor, line, column));
}

export function setDiff(handle, original) {
  later(handle, (code, editor) => code.setDiff(editor, original));
}
