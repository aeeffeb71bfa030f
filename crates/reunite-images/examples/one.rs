//! Makes a thumbnail of one picture: `cargo run --release -p reunite-images --example one -- photo.jpg thumbnail.jpg`

use std::error::Error;

use reunite_images::{Probe, Transform, transform};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(from), Some(to)) = (args.next(), args.next()) else {
        return Err("usage: one PHOTO THUMBNAIL".into());
    };
    let photo = std::fs::read(from)?;
    let settings = Transform::default();
    let probe = Probe::read(&photo)?;
    println!(
        "{:?} {:?}, about {} bytes",
        probe.format(),
        probe.size(),
        probe.peak_bytes(&settings)
    );
    let thumbnail = transform(&photo, &settings)?;
    std::fs::write(to, thumbnail.bytes)?;
    Ok(())
}
