//! What is axum's own: extractors, rejections, layers in layers.
