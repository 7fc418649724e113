//! Motion as pure functions of time: nothing here keeps state, so a frozen clock freezes the picture.

/// A moment of the animation clock in milliseconds. It runs with virtual time while a session plays (never faster
/// than the wall, so that motion stays readable at 600×) and stands still while it is paused.
pub type Ms = f64;

/// How long a pod takes to appear.
pub const BIRTH: Ms = 400.0;
/// How long it takes to travel to another place.
pub const MOVE: Ms = 300.0;
/// How long it takes to vanish.
pub const DEATH: Ms = 400.0;
/// How long a change of state fades.
pub const CHANGE: Ms = 220.0;
/// How long a message between two parts travels.
pub const PULSE: Ms = 420.0;
/// How long a part of the control plane glows after a message.
pub const GLOW: Ms = 700.0;

/// Share of a motion that is done, 0 to 1.
pub fn progress(start: Ms, length: Ms, now: Ms) -> f64 {
    ((now - start) / length).clamp(0.0, 1.0)
}

/// Starts at once, ends softly.
pub fn ease_out(p: f64) -> f64 {
    1.0 - (1.0 - p).powi(3)
}

/// Soft at both ends.
pub fn ease_in_out(p: f64) -> f64 {
    if p < 0.5 { 4.0 * p * p * p } else { 1.0 - (-2.0 * p + 2.0).powi(3) / 2.0 }
}

/// Overshoots by a little and settles: what a birth looks like.
pub fn ease_back(p: f64) -> f64 {
    let c = 1.4;
    1.0 + (c + 1.0) * (p - 1.0).powi(3) + c * (p - 1.0).powi(2)
}

/// Between two numbers.
pub fn lerp(a: f64, b: f64, p: f64) -> f64 {
    a + (b - a) * p
}

/// Where a pod is in its life on the map: how large and how opaque it is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    /// Size, 1 is natural.
    pub scale: f64,
    /// Opacity, 0 to 1.
    pub alpha: f64,
}

/// The pose of something born at `born` that dies from `died` on. With `calm` (reduced motion) only the opacity
/// changes.
pub fn pose(born: Ms, died: Option<Ms>, now: Ms, calm: bool) -> Pose {
    let b = progress(born, BIRTH, now);
    let d = died.map_or(0.0, |at| progress(at, DEATH, now));
    let alpha = ease_out(b) * (1.0 - d);
    let scale = if calm { 1.0 } else { (0.35 + 0.65 * ease_back(b)) * (1.0 - 0.55 * ease_in_out(d)) };
    Pose { scale, alpha }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_begins_and_ends_invisible() {
        assert!(pose(0.0, None, 0.0, false).alpha < 1e-9);
        let grown = pose(0.0, None, 400.0, false);
        assert!((grown.alpha - 1.0).abs() < 1e-9 && (grown.scale - 1.0).abs() < 1e-9);
        assert!(pose(0.0, Some(500.0), 900.0, false).alpha < 1e-9);
    }

    #[test]
    fn the_same_moment_gives_the_same_pose() {
        assert_eq!(pose(10.0, Some(300.0), 333.0, false), pose(10.0, Some(300.0), 333.0, false));
    }

    #[test]
    fn calm_motion_is_a_fade() {
        for t in [0.0, 100.0, 450.0, 700.0] {
            assert_eq!(pose(0.0, Some(400.0), t, true).scale, 1.0);
        }
    }
}
