//! The HTML part of a mail, made from its text.

const TEMPLATE: &str = include_str!("mail.html");

/// What ends a sentence or closes a bracket, and so is no part of the link before it.
const AFTER_A_LINK: &[char] = &['.', ',', ';', ':', '!', '?', ')', ']', '}', '\''];

/// Shows the text as a page: empty lines part paragraphs, line ends stay, `http://` and `https://` addresses are links.
/// Nothing in either text is markup.
pub(crate) fn page(title: &str, text: &str) -> String {
    // Cut before filling in, so that a text that has a placeholder in it stays as it is.
    let (head, foot) = TEMPLATE.split_once("{{content}}").unwrap_or((TEMPLATE, ""));
    let (start, end) = head.split_once("{{title}}").unwrap_or((head, ""));
    let mut page = start.to_owned();
    push_escaped(&mut page, title);
    page.push_str(end);
    push_paragraphs(&mut page, text);
    page.push_str(foot);
    page
}

fn push_paragraphs(page: &mut String, text: &str) {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    for paragraph in lines.split(|line| line.is_empty()).filter(|lines| !lines.is_empty()) {
        page.push_str("<p>");
        for (number, line) in paragraph.iter().enumerate() {
            if number > 0 {
                page.push_str("<br>\n");
            }
            push_line(page, line);
        }
        page.push_str("</p>\n");
    }
}

fn push_line(page: &mut String, line: &str) {
    for word in line.split_inclusive(char::is_whitespace) {
        let Some((before, address, after)) = link_in(word) else {
            push_escaped(page, word);
            continue;
        };
        push_escaped(page, before);
        page.push_str("<a href=\"");
        push_escaped(page, address);
        page.push_str("\">");
        push_escaped(page, address);
        page.push_str("</a>");
        push_escaped(page, after);
    }
}

/// The word around its link: what stands before, the link, what stands after.
fn link_in(word: &str) -> Option<(&str, &str, &str)> {
    let start = ["https://", "http://"].iter().filter_map(|scheme| word.find(scheme)).min()?;
    let (before, rest) = word.split_at(start);
    let end = rest.find(|c: char| c.is_whitespace() || c.is_control() || "<>\"".contains(c));
    let link = rest.split_at(end.unwrap_or(rest.len())).0.trim_end_matches(AFTER_A_LINK);
    let has_host = link.split_once("://").is_some_and(|(_, host)| !host.is_empty());
    has_host.then(|| (before, link, rest.split_at(link.len()).1))
}

fn push_escaped(page: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&quot;"),
            '\'' => page.push_str("&#39;"),
            other => page.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(text: &str) -> String {
        let mut page = String::new();
        push_paragraphs(&mut page, text);
        page
    }

    #[test]
    fn empty_lines_part_paragraphs_and_line_ends_stay() {
        assert_eq!(content("\n\nOne\ntwo\r\n\r\n \nthree\n"), "<p>One<br>\ntwo</p>\n<p>three</p>\n");
    }

    #[test]
    fn addresses_of_pages_become_links_without_the_sentence_around_them() {
        assert_eq!(
            content("See (https://cinema.example/a?b=1&c=2)."),
            "<p>See (<a href=\"https://cinema.example/a?b=1&amp;c=2\">\
             https://cinema.example/a?b=1&amp;c=2</a>).</p>\n"
        );
        assert_eq!(
            content("http://x.example/é https://y.example"),
            "<p><a href=\"http://x.example/é\">http://x.example/é</a> \
             <a href=\"https://y.example\">https://y.example</a></p>\n"
        );
    }

    #[test]
    fn what_is_no_address_of_a_page_is_no_link() {
        for text in ["https://", "http://.", "javascript:alert(1)", "ftp://x.example", "HTTPS"] {
            assert_eq!(content(text), format!("<p>{text}</p>\n"));
        }
    }

    #[test]
    fn nothing_in_the_text_or_title_is_markup() {
        let page = page("</title><script>", "<img src=x> {{title}}\n\nhttp://x/\"onclick='y'><b>&amp;");
        assert!(page.contains("<title>&lt;/title&gt;&lt;script&gt;</title>"));
        assert!(page.contains("<p>&lt;img src=x&gt; {{title}}</p>"));
        assert!(page.contains(
            "<p><a href=\"http://x/\">http://x/</a>&quot;onclick=&#39;y&#39;&gt;&lt;b&gt;&amp;amp;</p>"
        ));
    }
}
