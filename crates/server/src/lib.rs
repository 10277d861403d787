//! The composition root: settings, wiring, background work and the cinema command.
