//! What a storage adapter promises, as cases that each adapter's tests run.
