//! Argon2id, JSON Web Tokens, sealing, and the operating system's clock and entropy behind the domain's ports.
