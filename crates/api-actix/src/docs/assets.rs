//! The files of Swagger UI. They are unpacked from an archive that a crate contains, so that the Swagger UI page needs
//! no CDN.

use std::{
    borrow::Cow,
    io::{Cursor, Read},
    sync::{Arc, OnceLock},
};

use actix_web::web::Bytes;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

use crate::edge::compression::StaticBody;

/// The HTML of the Swagger UI page. Its links are relative, so that it also works behind a path prefix.
pub(crate) const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Cinema – API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"#;

const START: &str = include_str!("start.js");

/// The files to unpack from the archive, with their media types.
const WANTED: [(&str, &str); 3] = [
    ("swagger-ui.css", "text/css; charset=utf-8"),
    ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    ("favicon-32x32.png", "image/png"),
];

/// A file that the Swagger UI page loads.
#[derive(Debug, Clone)]
pub(crate) struct AssetFile {
    name: &'static str,
    pub(crate) media_type: &'static str,
    pub(crate) body: Arc<StaticBody>,
}

/// The unpacked files of the Swagger UI page, and its content security policy.
#[derive(Debug)]
pub(crate) struct Assets {
    files: Vec<AssetFile>,
    policy: String,
}

impl Assets {
    /// Returns the files for a server with this public URL. The unpacked files are cached for the whole process.
    ///
    /// # Errors
    /// When the embedded archive is unreadable or lacks a file.
    pub(crate) fn unpacked(public_url: &str) -> std::io::Result<Self> {
        static FILES: OnceLock<Vec<AssetFile>> = OnceLock::new();
        let files = match FILES.get() {
            Some(files) => files.clone(),
            None => FILES
                .get_or_init({
                    let files = Self::unpack()?;
                    || files
                })
                .clone(),
        };
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
             connect-src 'self' {public_url}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        Ok(Self { files, policy })
    }

    fn unpack() -> std::io::Result<Vec<AssetFile>> {
        let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED)).map_err(std::io::Error::other)?;
        let mut files = vec![AssetFile {
            name: "start.js",
            media_type: "text/javascript; charset=utf-8",
            body: StaticBody::new(Bytes::from_static(START.as_bytes())),
        }];
        for (wanted, media_type) in WANTED {
            let path = archive
                .file_names()
                .filter_map(Result::ok)
                .find(|path| path.rsplit('/').next() == Some(wanted))
                .map(Cow::into_owned)
                .ok_or_else(|| std::io::Error::other(format!("Swagger UI has no {wanted}")))?;
            let mut bytes = Vec::new();
            archive.by_name(&path).map_err(std::io::Error::other)?.read_to_end(&mut bytes)?;
            files.push(AssetFile { name: wanted, media_type, body: StaticBody::new(bytes.into()) });
        }
        Ok(files)
    }

    /// Returns the file with this name.
    pub(crate) fn file(&self, name: &str) -> Option<&AssetFile> {
        self.files.iter().find(|file| file.name == name)
    }

    /// The content security policy of the page: it may load its own files and call the documented server.
    pub(crate) fn policy(&self) -> &str {
        &self.policy
    }
}

#[cfg(test)]
mod tests {
    use super::Assets;

    #[test]
    fn the_page_follows_the_colour_scheme_of_the_browser() {
        let assets = Assets::unpacked("http://cinema.test").unwrap();
        let text = |name: &str| String::from_utf8(assets.file(name).unwrap().body.plain().to_vec()).unwrap();
        assert!(text("start.js").contains("prefers-color-scheme: dark"));
        assert!(
            text("start.js").contains("\"dark-mode\"") && text("swagger-ui.css").contains("html.dark-mode")
        );
    }

    #[test]
    fn every_file_that_the_page_loads_exists() {
        let assets = Assets::unpacked("http://cinema.test").unwrap();
        for name in ["start.js", "swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"] {
            assert!(super::PAGE.contains(&format!("\"docs/{name}\"")), "{name}");
            assert!(!assets.file(name).unwrap().body.plain().is_empty(), "{name}");
        }
        assert!(assets.file("../Description.toml").is_none());
    }
}
