// The page's editor. It knows YAML as text: what a manifest means, what is wrong in it and what may be completed
// is asked of the page through the callbacks; nothing here knows Kubernetes.
//
// create(parent, options) -> handle;   every other function takes that handle first.
//
// Options (all but `doc` may be missing):
//   doc: string                       the first text
//   dark: boolean                     colours
//   readOnly: boolean
//   label: string                     the accessible name
//   phrases: {english: translation}   CodeMirror's own words (search panel, completions …)
//   onChange(text)                    after each change by the person (not by setDoc), never inside a composition
//   onApply(text)                     Ctrl+Enter, Cmd+Enter
//   onCursor(line, column)            1-based, after the selection moved
//   lint(text) -> [{line, column?, endLine?, endColumn?, severity?, message, source?}]
//                                     lines and columns are 1-based and counted in UTF-16 units; severity is
//                                     "error" | "warning" | "info" | "hint"
//   complete(text, pos, explicit) -> null | {from, options: [{label, detail?, info?, type?, apply?, boost?}]} | [option…]
//                                     pos and from are UTF-16 offsets; an array replaces the word before the cursor
//   hover(text, pos) -> null | string plain text, shown as text

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentLess, indentMore } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import {
  HighlightStyle,
  bracketMatching,
  foldGutter,
  foldKeymap,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
import { forceLinting, lintGutter, lintKeymap, linter, setDiagnostics as lintEffect } from "@codemirror/lint";
import { getChunks, unifiedMergeView } from "@codemirror/merge";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Annotation, Compartment, EditorState, Prec } from "@codemirror/state";
import {
  EditorView,
  drawSelection,
  dropCursor,
  highlightActiveLine,
  highlightActiveLineGutter,
  hoverTooltip,
  keymap,
  lineNumbers,
  rectangularSelection,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";

/** Marks changes that the page itself makes: onChange stays silent for them. */
const fromPage = Annotation.define();

// Colours come from the page's custom properties, with fall-backs that reach 4.5:1 on either ground.
const palette = (dark) =>
  dark
    ? { fg: "#e6e9ef", bg: "#11151c", gutter: "#8b95a7", line: "#1a202b", select: "#2d4a73", key: "#7cc4ff", text: "#a5d99c", number: "#f3b877", word: "#d7a6f2", dim: "#94a0b3", accent: "#7cc4ff" }
    : { fg: "#1b2230", bg: "#ffffff", gutter: "#5b6577", line: "#f2f5fa", select: "#c4dcfb", key: "#0b5cad", text: "#1d6b2f", number: "#9a4a00", word: "#7a2a9e", dim: "#5b6577", accent: "#0b5cad" };

function theme(dark) {
  const c = palette(dark);
  const v = (name, fallback) => `var(--editor-${name}, ${fallback})`;
  const look = EditorView.theme(
    {
      "&": { color: v("fg", c.fg), backgroundColor: v("bg", c.bg), height: "100%", fontSize: "var(--editor-font-size, 13px)" },
      "&.cm-focused": { outline: `2px solid ${v("accent", c.accent)}`, outlineOffset: "-2px" },
      ".cm-scroller": { fontFamily: "var(--font-mono, ui-monospace, SFMono-Regular, Menlo, Consolas, 'Noto Sans Mono CJK KR', monospace)", lineHeight: "1.5" },
      ".cm-content": { caretColor: v("fg", c.fg) },
      ".cm-cursor, .cm-dropCursor": { borderLeftColor: v("fg", c.fg), borderLeftWidth: "2px" },
      "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: v("select", c.select) },
      ".cm-gutters": { color: v("gutter", c.gutter), backgroundColor: v("bg", c.bg), border: "none" },
      ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: v("line", c.line) },
      ".cm-tooltip": { color: v("fg", c.fg), backgroundColor: v("panel", dark ? "#1c232f" : "#ffffff"), border: `1px solid ${v("dim", c.dim)}`, borderRadius: "6px", maxWidth: "36rem" },
      ".cm-tooltip-hover-text": { padding: "6px 10px", whiteSpace: "pre-wrap", overflowWrap: "anywhere", maxHeight: "16rem", overflow: "auto" },
      ".cm-tooltip-autocomplete ul li[aria-selected]": { color: v("fg", c.fg), backgroundColor: v("select", c.select) },
      ".cm-panels": { color: v("fg", c.fg), backgroundColor: v("panel", dark ? "#1c232f" : "#f2f5fa") },
      ".cm-searchMatch": { backgroundColor: dark ? "#5a4a12" : "#ffe28a" },
      ".cm-diagnosticText": { overflowWrap: "anywhere" },
      "&.cm-merge-b .cm-changedLine, .cm-inlineChangedLine": { backgroundColor: dark ? "#12382e" : "#d9f5e6" },
      "&.cm-merge-b .cm-changedText": { background: dark ? "#1d6b50" : "#a4e4c3" },
      ".cm-deletedChunk": { backgroundColor: dark ? "#3a1f22" : "#fde3dc" },
      ".cm-deletedChunk .cm-deletedText, .cm-deletedChunk del": { background: dark ? "#7a3230" : "#f6b7a6", textDecoration: "none" },
      "&.cm-merge-b .cm-changedLineGutter": { background: dark ? "#3ecfa3" : "#00845c" },
      ".cm-deletedLineGutter": { background: dark ? "#ff8a65" : "#c84a2b" },
    },
    { dark },
  );
  const style = HighlightStyle.define([
    { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: v("key", c.key) },
    { tag: [tags.content, tags.string, tags.special(tags.string)], color: v("text", c.text) },
    { tag: [tags.number, tags.bool, tags.null], color: v("number", c.number) },
    { tag: [tags.keyword, tags.labelName, tags.typeName, tags.meta], color: v("word", c.word) },
    { tag: [tags.comment, tags.lineComment], color: v("dim", c.dim), fontStyle: "italic" },
    { tag: [tags.punctuation, tags.separator, tags.brace, tags.squareBracket], color: v("dim", c.dim) },
  ]);
  return [look, syntaxHighlighting(style)];
}

/** A 1-based line and column as an offset, held inside the document. */
function offset(doc, line, column) {
  const at = doc.line(Math.min(Math.max(line || 1, 1), doc.lines));
  return Math.min(at.from + Math.max((column || 1) - 1, 0), at.to);
}

function toDiagnostics(doc, found) {
  return (found || []).map((d) => {
    const line = doc.line(Math.min(Math.max(d.line || 1, 1), doc.lines));
    // Without a column the whole line is meant, from its first letter on.
    const from = d.column ? offset(doc, d.line, d.column) : line.from + (line.text.length - line.text.trimStart().length);
    const to = d.endLine || d.endColumn ? offset(doc, d.endLine || d.line, d.endColumn) : line.to;
    return { from, to: Math.max(from, to), severity: d.severity || "error", message: String(d.message), source: d.source };
  });
}

function languageTools(options) {
  const tools = [];
  if (options.lint) {
    tools.push(
      lintGutter(),
      // A composition is unfinished text: judging it would underline every half-typed syllable.
      linter((view) => (view.composing ? [] : toDiagnostics(view.state.doc, options.lint(view.state.doc.toString()))), { delay: 300 }),
    );
  }
  if (options.complete) {
    const source = (context) => {
      if (context.view?.composing) return null;
      const word = context.matchBefore(/[\w./-]*/);
      const found = options.complete(context.state.doc.toString(), context.pos, context.explicit);
      if (!found) return null;
      const answer = Array.isArray(found) ? { from: word ? word.from : context.pos, options: found } : found;
      if (!answer.options?.length) return null;
      return { validFor: /^[\w./-]*$/, ...answer };
    };
    tools.push(autocompletion({ override: [source], activateOnTyping: true, icons: false }));
  }
  if (options.hover) {
    tools.push(
      hoverTooltip((view, pos) => {
        const text = options.hover(view.state.doc.toString(), pos);
        if (!text) return null;
        const word = view.state.wordAt(pos);
        return {
          pos: word ? word.from : pos,
          end: word ? word.to : pos,
          above: true,
          create: () => {
            const dom = document.createElement("div");
            dom.className = "cm-tooltip-hover-text";
            dom.textContent = String(text);
            return { dom };
          },
        };
      }),
    );
  }
  return tools;
}

// Tab leaves the editor unless something is selected or the cursor stands behind a line's indentation: no keyboard trap
// for who passes through, and still what people expect of it in YAML. Escape then Tab always leaves.
const indentKeys = [
  {
    key: "Tab",
    run: (view) => {
      const { main } = view.state.selection;
      const line = view.state.doc.lineAt(main.head);
      if (!main.empty) return indentMore(view);
      if (main.head === line.from || view.state.sliceDoc(line.from, main.head).trim() !== "") return false;
      return indentMore(view);
    },
    shift: indentLess,
  },
];

export function create(parent, options = {}) {
  const handle = { view: null, theme: new Compartment(), readOnly: new Compartment(), phrases: new Compartment(), merge: new Compartment(), pending: false, diffing: false };
  const apply = (view) => {
    options.onApply?.(view.state.doc.toString());
    return true;
  };
  const changed = (view) => {
    handle.pending = false;
    options.onChange?.(view.state.doc.toString());
  };
  const state = EditorState.create({
    doc: options.doc || "",
    extensions: [
      Prec.highest(keymap.of([{ key: "Mod-Enter", run: apply, preventDefault: true }, { key: "Ctrl-Enter", run: apply, preventDefault: true }])),
      lineNumbers(),
      foldGutter(),
      highlightActiveLine(),
      highlightActiveLineGutter(),
      history(),
      drawSelection(),
      dropCursor(),
      rectangularSelection(),
      indentOnInput(),
      bracketMatching(),
      closeBrackets(),
      highlightSelectionMatches(),
      search({ top: true }),
      EditorState.tabSize.of(2),
      indentUnit.of("  "),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ tabindex: "0", "aria-label": options.label || "YAML", spellcheck: "false", autocapitalize: "off", autocorrect: "off", translate: "no" }),
      keymap.of([...closeBracketsKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap, ...lintKeymap, ...indentKeys, ...defaultKeymap]),
      yaml(),
      handle.theme.of(theme(!!options.dark)),
      handle.readOnly.of(EditorState.readOnly.of(!!options.readOnly)),
      handle.phrases.of(EditorState.phrases.of(options.phrases || {})),
      handle.merge.of([]),
      ...languageTools(options),
      EditorView.updateListener.of((update) => {
        if (update.docChanged && !update.transactions.every((t) => t.annotation(fromPage))) {
          if (update.view.composing) handle.pending = true;
          else changed(update.view);
        }
        if (update.selectionSet && options.onCursor && !update.view.composing) {
          const head = update.state.selection.main.head;
          const line = update.state.doc.lineAt(head);
          options.onCursor(line.number, head - line.from + 1);
        }
      }),
      EditorView.domEventHandlers({
        // The last syllable of an input method is in the document only after the event.
        compositionend: (_event, view) => {
          setTimeout(() => handle.pending && handle.view && !view.composing && changed(view), 0);
          return false;
        },
      }),
    ],
  });
  handle.view = new EditorView({ state, parent });
  return handle;
}

/** Replaces the text; the cursor stays where it was as far as it can; history is kept. Equal text changes nothing. */
export function setDoc(handle, text) {
  const { view } = handle;
  if (view.state.doc.toString() === text) return;
  const keep = Math.min(view.state.selection.main.head, text.length);
  view.dispatch({
    changes: { from: 0, to: view.state.doc.length, insert: text },
    selection: { anchor: keep },
    annotations: fromPage.of(true),
  });
}

export function getDoc(handle) {
  return handle.view.state.doc.toString();
}

/** Shows these problems until the text changes (an `apply` found them); same shape as what `lint` gives. */
export function setDiagnostics(handle, found) {
  const { view } = handle;
  view.dispatch(lintEffect(view.state, toDiagnostics(view.state.doc, found)));
}

/** Asks `lint` again now: what it depends on has changed outside the text. */
export function relint(handle) {
  forceLinting(handle.view);
}

export function setTheme(handle, dark) {
  handle.view.dispatch({ effects: handle.theme.reconfigure(theme(!!dark)) });
}

export function setReadOnly(handle, readOnly) {
  handle.view.dispatch({ effects: handle.readOnly.reconfigure(EditorState.readOnly.of(!!readOnly)) });
}

export function setPhrases(handle, phrases) {
  handle.view.dispatch({ effects: handle.phrases.reconfigure(EditorState.phrases.of(phrases || {})) });
}

const none = [];

/** Shows the text as changes of `original` (deleted lines above, inserted ones marked); null goes back to plain. */
export function setDiff(handle, original) {
  const shown =
    original === null || original === undefined
      ? none
      : unifiedMergeView({ original, mergeControls: false, highlightChanges: true, gutter: true, syntaxHighlightDeletions: true });
  const { view } = handle;
  view.dispatch({ effects: handle.merge.reconfigure(shown) });
  // the first change is what people want to see, but once: they may type on meanwhile
  const first = shown === none || handle.diffing ? null : getChunks(view.state)?.chunks[0];
  handle.diffing = shown !== none;
  if (first) view.dispatch({ effects: EditorView.scrollIntoView(Math.min(first.fromB, view.state.doc.length), { y: "center" }) });
}

/** Puts the cursor at the beginning of a line (1-based; a column if given) and brings it into view. */
export function goto(handle, line, column) {
  const { view } = handle;
  const pos = offset(view.state.doc, line, column);
  view.dispatch({ selection: { anchor: pos }, effects: EditorView.scrollIntoView(pos, { y: "center" }) });
  view.focus();
}

export function focus(handle) {
  handle.view.focus();
}

export function destroy(handle) {
  handle.view?.destroy();
  handle.view = null;
}
