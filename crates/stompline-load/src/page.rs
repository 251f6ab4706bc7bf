//! The page that says what was measured: tables and a picture out of the results of `make bench`.

mod goal;
mod plot;
mod result;
mod table;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use self::result::Results;

/// Between these two lines the page is written anew; the rest of it stays.
const BEGIN: &str = "<!-- measured: from here on written by `make bench` -->";
const END: &str = "<!-- measured: up to here -->";

/// The picture's name ends with this.
const PICTURE: &str = "-slow.svg";

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// A file cannot be read or written.
    #[error("{}: {why}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// A line of the results is not what `make bench` writes.
    #[error("line {line} of the results: {why}")]
    Result {
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The page has no place for the measurements.
    #[error("the page has no lines `{BEGIN}` and `{END}` in this order")]
    Unmarked,
}

/// Puts the measurements of `results` between the markers of `page`, and a picture beside it.
///
/// # Errors
///
/// A file cannot be read or written, is malformed, or has no markers.
pub fn write(results: &Path, page: &Path) -> Result<(), PageError> {
    let results = Results::parse(&read(results)?)?;
    let picture = page.with_file_name(picture_name(page));
    let old = read(page)?;
    let new = replace(&old, &table::measured(&results, &picture_name(page)))?;
    save(page, &new)?;
    save(&picture, &plot::slow(&results))
}

fn picture_name(page: &Path) -> String {
    let stem = page.file_stem().unwrap_or_default().to_string_lossy();
    format!("{stem}{PICTURE}")
}

fn replace(page: &str, measured: &str) -> Result<String, PageError> {
    let (before, rest) = page.split_once(BEGIN).ok_or(PageError::Unmarked)?;
    let (_, after) = rest.split_once(END).ok_or(PageError::Unmarked)?;
    Ok(format!("{before}{BEGIN}\n\n{measured}\n{END}{after}"))
}

fn read(file: &Path) -> Result<String, PageError> {
    fs::read_to_string(file).map_err(|why| PageError::File {
        file: file.to_owned(),
        why,
    })
}

fn save(file: &Path, text: &str) -> Result<(), PageError> {
    fs::write(file, text).map_err(|why| PageError::File {
        file: file.to_owned(),
        why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let page = format!("# Words\n\n{BEGIN}\nold\n{END}\n\nMore words.\n");
        let new = replace(&page, "new").unwrap();
        assert_eq!(
            new,
            format!("# Words\n\n{BEGIN}\n\nnew\n{END}\n\nMore words.\n")
        );
        assert_eq!(replace(&new, "new").unwrap(), new);
    }

    #[test]
    fn page_without_markers_is_refused() {
        let refused = replace("# Words", "new").unwrap_err();
        assert!(matches!(refused, PageError::Unmarked));
    }
}
