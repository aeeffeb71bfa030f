//! Thumbnails on the graphics card, for the rows seen last.

use std::collections::HashMap;

use eframe::egui::{ColorImage, Context, TextureHandle, TextureOptions};

use crate::background::Wake;
use crate::thumbs::{Key, Thumbs};

/// The most textures kept, about ten screens.
const KEPT: usize = 256;
/// The most new textures per frame, because each is copied to the graphics card.
const NEW: usize = 4;

pub(super) struct Thumbnails {
    thumbs: Thumbs,
    textures: HashMap<Key, Seen>,
    frame: u64,
}

struct Seen {
    /// The texture, or `None` if it cannot be made.
    texture: Option<TextureHandle>,
    frame: u64,
}

impl Thumbnails {
    pub(super) fn new(wake: &Wake) -> Self {
        Self {
            thumbs: Thumbs::new(wake),
            textures: HashMap::new(),
            frame: 0,
        }
    }

    /// Takes finished thumbnails. Called once per frame.
    pub(super) fn take(&mut self, ctx: &Context) {
        self.frame += 1;
        for _ in 0..NEW {
            let Some((key, thumb)) = self.thumbs.take() else {
                return;
            };
            let texture = thumb.map(|thumb| {
                let image = ColorImage::from_rgba_unmultiplied(thumb.size, &thumb.rgba);
                ctx.load_texture("thumbnail", image, TextureOptions::LINEAR)
            });
            let frame = self.frame;
            self.textures.insert(key, Seen { texture, frame });
        }
        ctx.request_repaint();
    }

    /// Returns the texture of a result, and requests it if there is none yet.
    pub(super) fn of(&mut self, key: &Key) -> Option<&TextureHandle> {
        if !self.textures.contains_key(key) {
            self.thumbs.want(key);
            return None;
        }
        if self.textures.len() > KEPT {
            let old = self.frame.saturating_sub(60);
            self.textures.retain(|_, seen| seen.frame >= old);
        }
        let seen = self.textures.get_mut(key)?;
        seen.frame = self.frame;
        seen.texture.as_ref()
    }
}

impl std::fmt::Debug for Thumbnails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Thumbnails({})", self.textures.len())
    }
}
