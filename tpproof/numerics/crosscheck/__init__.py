"""The cross-check: real networks of finite width against every equation of the proof."""
