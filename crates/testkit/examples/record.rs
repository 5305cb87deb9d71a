//! Records a laptop and its centre as the fixture of a version: `record FROM TO`. How the two are
//! made stands in `tests/fixtures/v1/README.md`.

use std::path::Path;

fn main() {
    let folders: Vec<String> = std::env::args().skip(1).collect();
    let [from, to] = &folders[..] else { panic!("record FROM TO") };
    gladstone_testkit::older::record(Path::new(from), Path::new(to));
}
