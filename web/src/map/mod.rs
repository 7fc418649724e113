//! The map: patches become a [`scene`], the scene gets a [`layout`], and [`draw`] paints it on a canvas.
//!
//! Everything but `draw` and `widget` is plain data and arithmetic and is tested natively. Nothing here knows what a
//! Kubernetes object means beyond the numbers and texts of the view model.

pub mod anim;
pub mod broken;
pub mod camera;
pub mod draw;
pub mod glyph;
pub mod history;
pub mod hit;
pub mod layout;
pub mod scene;
pub mod strip;
pub mod traffic;
pub mod widget;
