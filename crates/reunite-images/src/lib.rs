//! reunite-images
