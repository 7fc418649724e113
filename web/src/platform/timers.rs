//! The wall clock and the frames of the screen. Virtual time never comes from here; only how much of it to play.

use gloo::render::{AnimationFrame, request_animation_frame};
use std::cell::RefCell;
use std::rc::Rc;

/// Milliseconds since the page began.
pub fn now() -> f64 {
    gloo::utils::window().performance().map_or(0.0, |p| p.now())
}

/// Calls a function before each frame of the screen for as long as it lives.
pub struct Frames {
    #[allow(dead_code)]
    next: Rc<RefCell<Option<AnimationFrame>>>,
}

/// Begins to call `f` with the time of each frame.
pub fn frames(f: impl FnMut(f64) + 'static) -> Frames {
    let next: Rc<RefCell<Option<AnimationFrame>>> = Rc::default();
    let f = Rc::new(RefCell::new(f));
    fn ask(next: &Rc<RefCell<Option<AnimationFrame>>>, f: &Rc<RefCell<impl FnMut(f64) + 'static>>) {
        let (weak, f) = (Rc::downgrade(next), f.clone());
        let frame = request_animation_frame(move |time| {
            let Some(next) = weak.upgrade() else { return };
            // Asked for before the work: an error in a frame must not end the motion.
            ask(&next, &f);
            (f.borrow_mut())(time);
        });
        *next.borrow_mut() = Some(frame);
    }
    ask(&next, &f);
    Frames { next }
}
