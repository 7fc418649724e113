//! The page in Chromium. `cargo xtask test browser` builds the page, finds the browser and runs this; by itself it
//! needs `$KUBARIUM_DIST` (the built page), `$CHROMIUM` and `$CHROMEDRIVER`, and ignores its tests without them.
//! Pictures are kept in `target/screenshots`.

mod figures;
mod keep;
mod lesson;
mod look;
mod page;
mod play;
mod present;
mod share;
mod time;
mod traffic;

use kubarium_tests::webdriver::{Browser, Result};
use libtest_mimic::{Arguments, Trial};
use std::path::PathBuf;

/// What the tests run on.
#[derive(Clone, Debug)]
pub struct Place {
    dist: PathBuf,
    chromium: PathBuf,
    driver: PathBuf,
    screenshots: PathBuf,
}

/// The width and height of a laptop's window.
pub const LAPTOP: (u32, u32) = (1440, 900);
/// A phone's.
pub const PHONE: (u32, u32) = (412, 915);

impl Place {
    fn find() -> Option<Place> {
        let named = |variable: &str| std::env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from);
        let (chromium, driver) = match (named("CHROMIUM"), named("CHROMEDRIVER")) {
            (Some(c), Some(d)) => (c, d),
            _ => xtask::tools::find_browser()?,
        };
        let dist = named("KUBARIUM_DIST")?;
        Some(Place { dist, chromium, driver, screenshots: xtask::tools::target_dir().join("screenshots") })
    }

    /// A new browser.
    pub fn browser(&self, size: (u32, u32)) -> Result<Browser> {
        Browser::start(&self.chromium, &self.driver, &self.screenshots, size)
    }

    /// Serves the page below a path and gives its address.
    pub fn serve(&self, prefix: &str) -> Result<String> {
        let server = xtask::server::start(&self.dist, prefix, 0).map_err(|e| e.to_string())?;
        let slash = if prefix.is_empty() { "" } else { "/" };
        Ok(format!("http://127.0.0.1:{}/{prefix}{slash}", server.port))
    }
}

/// A test: what it is called, and what it does.
pub type Test = (&'static str, fn(&Place) -> Result<()>);

fn main() {
    let mut arguments = Arguments::from_args();
    // browsers side by side only slow each other down
    arguments.test_threads.get_or_insert(1);
    let place = Place::find();
    if place.is_none() {
        eprintln!("no page or no browser here: run `cargo xtask test browser`");
    }
    let tests = match std::env::var_os("KUBARIUM_FIGURES") {
        Some(_) => figures::TESTS.to_vec(),
        None => [
            page::TESTS,
            play::TESTS,
            keep::TESTS,
            lesson::TESTS,
            look::TESTS,
            traffic::TESTS,
            present::TESTS,
            share::TESTS,
            time::TESTS,
        ]
        .concat(),
    };
    let trials = tests
        .into_iter()
        .map(|(name, test)| {
            let place = place.clone();
            let ignored = place.is_none();
            Trial::test(name, move || match &place {
                Some(place) => test(place).map_err(Into::into),
                None => Ok(()),
            })
            .with_ignored_flag(ignored)
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}
