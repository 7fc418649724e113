//! Icons: small drawings in one stroke width, coloured by the text around them.

use yew::prelude::*;

/// An icon by name; it says nothing to screen readers, its button does.
pub fn icon(name: &str) -> Html {
    let d = match name {
        "play" => "M7 4.5v15l12-7.5z",
        "pause" => "M7 5v14M17 5v14",
        "step" => "M5 5v14l10-7zM19 5v14",
        "undo" => "M9 7H5V3M5.5 7.5A8 8 0 1 1 4 13",
        "redo" => "M15 7h4V3M18.5 7.5A8 8 0 1 0 20 13",
        "back" => "M19 5v14L9 12zM5 5v14",
        "fork" => "M7 4v16M7 14c0-5 10-3 10-8M17 3.5a2 2 0 1 0 0 4 2 2 0 0 0 0-4z",
        "columns" => "M4 5h16v14H4zM12 5v14",
        "qr" => "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2v2h-2zM18 18h2v2h-2zM18 14h2M14 18v2",
        "out" => "M12 4v10M8 7.5 12 4l4 3.5M5 12v8h14v-8",
        "sequence" => "M5 4v16M19 4v16M5 8h13l-3-2M18 8l-3 2M19 15H6l3-2M6 15l3 2",
        "pen" => "M5 19l1-4L16.5 4.5l3 3L9 18z",
        "bin" => "M5 7h14M9 7V4.5h6V7M7 7l1 12.5h8L17 7M10.5 10.5v6M13.5 10.5v6",
        "idle" => "M4 5v14l8-7zM12 5v14l8-7z",
        "share" => {
            "M16 6.5 8.5 11M8.5 13.5 16 18M18.5 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM18.5 21a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM6 14.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z"
        }
        "moon" => "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
        "sun" => {
            "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M4.9 4.9l1.4 1.4M17.7 17.7l1.4 1.4M4.9 19.1l1.4-1.4M17.7 6.3l1.4-1.4"
        }
        "plus" => "M12 5v14M5 12h14",
        "minus" => "M5 12h14",
        "fit" => "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
        "close" => "M6 6l12 12M18 6 6 18",
        "search" => "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5",
        "client" => "M3 12h8M8 8.5l3.5 3.5L8 15.5M16.5 8.5v7M13 12h7",
        "bolt" => "M13 3 5 14h6l-1 7 8-11h-6z",
        "table" => "M4 5h16v14H4zM4 10h16M4 14.5h16M10 10v9",
        "map" => "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z",
        "editor" => "M5 4h14v16H5zM8.5 8h7M8.5 12h7M8.5 16h4",
        "inspect" => "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 11v5M12 7.8v.4",
        "terminal" => "M4 5h16v14H4zM7.5 9.5 10 12l-2.5 2.5M12.5 15H16",
        "time" => "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4.5l3 2",
        "down" => "M6 9l6 6 6-6",
        "left" => "M14 6l-6 6 6 6",
        "right" => "M10 6l6 6-6 6",
        "help" => "M9 9a3 3 0 1 1 4.2 2.75c-.8.4-1.2 1-1.2 1.9v.35M12 17.2v.3",
        "book" => "M4 5c3-1 6-1 8 1 2-2 5-2 8-1v13c-3-1-6-1-8 1-2-2-5-2-8-1zM12 6v13",
        "copy" => "M8 8h11v12H8zM5 16V4h11",
        "save" => "M12 4v11M8 11.5l4 4 4-4M5 20h14",
        "disk" => "M5 6.5c0-1.7 3.1-3 7-3s7 1.3 7 3v11c0 1.7-3.1 3-7 3s-7-1.3-7-3zM5 6.5c0 1.7 3.1 3 7 3s7-1.3 7-3",
        "lesson" => "M12 4 2 9l10 5 10-5zM6 11.5V17c2 2 10 2 12 0v-5.500M22 9v6",
        "print" => "M7 9V4h10v5M7 17H4v-8h16v8h-3M7 14h10v6H7z",
        "hand" => {
            "M8 12V5.500a1.500 1.500 0 0 1 3 0V11M11 10.500V4.500a1.500 1.500 0 0 1 3 0V11M14 11V6a1.500 1.500 0 0 1 3 0v8c0 4-2 6-5 6-4 0-5-2-8-7a1.500 1.500 0 0 1 2.500-1.500L8 14"
        }
        "done" => "M4.500 12.500 10 18 19.500 6.500",
        "legend" => "M4 5h5v5H4zM12 7.5h8M4 14h5v5H4zM12 16.5h8",
        "present" => "M3 4h18M5 4v11h14V4M12 15v3M8 21l4-3 4 3",
        "contrast" => "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 4v16M12 8h4.9M12 12h8M12 16h4.9",
        "picture" => "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9.2v.1",
        "blank" => "M4 5h16v14H4zM4 19 20 5",
        _ => "M12 12h.01",
    };
    let filled = matches!(name, "play");
    html! {
        <svg class={classes!("icon", filled.then_some("filled"))} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <path d={d} />
        </svg>
    }
}
