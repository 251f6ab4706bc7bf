//! Builds the crate again when the pages that it embeds have been built anew.

use std::path::Path;

fn main() {
    for page in ["desk", "landing", "widget"] {
        let folder = format!("../../web/{page}");
        let built = format!("{folder}/dist");
        // A path that is not there would count as changed at every build; its folder is watched instead.
        let watched = if Path::new(&built).is_dir() {
            built
        } else {
            folder
        };
        println!("cargo::rerun-if-changed={watched}");
    }
}
