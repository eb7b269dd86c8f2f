//! Rust source as the invariants see it: words of code with their lines, comments and texts left out, and what is
//! compiled for tests alone left out where an invariant does not speak about it.
//!
//! `syn` says what is an item, an import or a value that is built. Words come from the tokens themselves, so that
//! the bodies of macros count, and a path that is broken over two lines is still one path.

use proc_macro2::{Delimiter, LineColumn, TokenStream, TokenTree};
use std::path::{Path, PathBuf};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprLit, ExprStruct, ImplItem, Item, ItemImpl, ItemMod, ItemUse, Lit, Meta, UseTree};

/// A word of code and its line.
pub type Word = (String, usize);

/// One file.
pub struct Source {
    /// Words of code that users run: everything but what is for tests alone.
    pub product: Vec<Word>,
    /// All words.
    pub all: Vec<Word>,
    /// Paths of imports as words, each whole, without those for tests alone.
    imports: Vec<Vec<Word>>,
    /// Files that hold modules for tests alone, without their ending.
    pub test_modules: Vec<PathBuf>,
    /// Names of types of which a value is built from its fields, with `Self` resolved.
    built: Vec<Word>,
}

impl Source {
    /// Reads a file that lies at `path`.
    pub fn new(path: &Path, text: &str) -> Result<Source, syn::Error> {
        let file = syn::parse_file(text)?;
        let mut reader = Reader {
            folder: path.parent().unwrap_or(Path::new("")).to_owned(),
            module: folder_of_modules(path),
            ..Reader::default()
        };
        let is_for_tests = is_for_tests(&file.attrs);
        reader.visit_file(&file);
        let stream: TokenStream = text.parse().map_err(|e: proc_macro2::LexError| syn::Error::new(e.span(), e))?;
        let mut words = Vec::new();
        flatten(stream, &mut words);
        let is_product = |at: &LineColumn| !is_for_tests && !reader.tests.iter().any(|(a, b)| a <= at && at < b);
        let word = |(text, at): &(String, LineColumn)| (text.clone(), at.line);
        let product = words.iter().filter(|(_, at)| is_product(at)).map(word).collect();
        let all = words.iter().map(word).collect();
        let Reader { imports, test_modules, built, .. } = reader;
        Ok(Source { product, all, imports, test_modules, built })
    }

    /// Lines where `pattern`, words with spaces between them, stands in what users run or in what it imports.
    pub fn lines_of(&self, pattern: &str) -> Vec<usize> {
        let mut lines = lines_of(&self.product, pattern);
        lines.extend(self.imports.iter().flat_map(|path| lines_of(path, pattern)));
        lines.sort_unstable();
        lines.dedup();
        lines
    }

    /// Lines where a value of this type is built from its fields.
    pub fn lines_that_build(&self, name: &str) -> Vec<usize> {
        self.built.iter().filter(|(built, _)| built == name).map(|(_, line)| *line).collect()
    }
}

/// Lines where `pattern` begins. Its last word may end in `…` and stands for all words that begin so.
pub fn lines_of(words: &[Word], pattern: &str) -> Vec<usize> {
    let pattern: Vec<&str> = pattern.split(' ').collect();
    let is_one = |(word, wanted): (&Word, &&str)| match wanted.strip_suffix('…') {
        Some(beginning) => word.0.starts_with(beginning),
        None => word.0 == *wanted,
    };
    words.windows(pattern.len()).filter(|part| part.iter().zip(&pattern).all(is_one)).map(|part| part[0].1).collect()
}

/// Where the modules of the file at `path` lie.
fn folder_of_modules(path: &Path) -> PathBuf {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let folder = path.parent().unwrap_or(Path::new(""));
    if matches!(stem, "lib" | "main" | "mod") { folder.to_owned() } else { folder.join(stem) }
}

/// Words and where they stand. `::`, `->` and `=>` are one word each, and so is a text.
fn flatten(stream: TokenStream, words: &mut Vec<(String, LineColumn)>) {
    let mut joint: Option<(char, LineColumn)> = None;
    for token in stream {
        let at = token.span().start();
        match token {
            TokenTree::Punct(punct) => {
                let text = match joint.take() {
                    Some((first, _)) if matches!((first, punct.as_char()), (':', ':') | ('-' | '=', '>')) => {
                        words.pop();
                        format!("{first}{}", punct.as_char())
                    }
                    _ => punct.as_char().to_string(),
                };
                if text.len() == 1 && punct.spacing() == proc_macro2::Spacing::Joint {
                    joint = Some((punct.as_char(), at));
                }
                words.push((text, at));
            }
            TokenTree::Group(group) => {
                joint = None;
                let [open, close] = match group.delimiter() {
                    Delimiter::Parenthesis => ["(", ")"],
                    Delimiter::Brace => ["{", "}"],
                    Delimiter::Bracket => ["[", "]"],
                    Delimiter::None => ["", ""],
                };
                words.push((open.into(), at));
                flatten(group.stream(), words);
                words.push((close.into(), group.span_close().start()));
            }
            other => {
                joint = None;
                words.push((other.to_string(), at));
            }
        }
    }
}

/// Finds in a syntax tree what words alone do not say.
#[derive(Default)]
struct Reader {
    /// Where the file lies.
    folder: PathBuf,
    /// Where the modules of the module at hand lie.
    module: PathBuf,
    /// From where to where something is for tests alone.
    tests: Vec<(LineColumn, LineColumn)>,
    imports: Vec<Vec<Word>>,
    test_modules: Vec<PathBuf>,
    built: Vec<Word>,
    /// What `Self` is.
    itself: Option<String>,
}

impl Reader {
    /// Whether something is left out because it is for tests alone.
    fn leaves_out(&mut self, attributes: &[Attribute], place: &impl Spanned) -> bool {
        let is_for_tests = is_for_tests(attributes);
        if is_for_tests {
            self.tests.push((place.span().start(), place.span().end()));
        }
        is_for_tests
    }

    /// The file of a module, without its ending. One that is named by `#[path]` lies relative to this file.
    fn place_of(&self, module: &ItemMod) -> PathBuf {
        let named = module.attrs.iter().find_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        });
        match named {
            Some(name) => self.folder.join(name).with_extension(""),
            None => self.module.join(module.ident.to_string()),
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        let is_left_out = self.leaves_out(attributes(item), item);
        match item {
            Item::Mod(module) if module.content.is_none() && is_left_out => {
                self.test_modules.push(self.place_of(module));
            }
            _ if is_left_out => {}
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Const(item) => &item.attrs[..],
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            ImplItem::Macro(item) => &item.attrs,
            _ => &[],
        };
        if !self.leaves_out(attributes, item) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        let outer = self.module.clone();
        self.module.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.module = outer;
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let outer = self.itself.take();
        if let syn::Type::Path(path) = &*item.self_ty {
            self.itself = path.path.segments.last().map(|segment| segment.ident.to_string());
        }
        visit::visit_item_impl(self, item);
        self.itself = outer;
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        expand(&item.tree, &mut Vec::new(), &mut self.imports);
    }

    fn visit_expr_struct(&mut self, value: &'ast ExprStruct) {
        if let Some(last) = value.path.segments.last() {
            let name = last.ident.to_string();
            let name = if name == "Self" { self.itself.clone().unwrap_or(name) } else { name };
            self.built.push((name, value.span().start().line));
        }
        visit::visit_expr_struct(self, value);
    }
}

/// Adds each path of an import.
fn expand(tree: &UseTree, before: &mut Vec<Word>, imports: &mut Vec<Vec<Word>>) {
    let length = before.len();
    let add = |before: &mut Vec<Word>, ident: &syn::Ident| before.push((ident.to_string(), ident.span().start().line));
    match tree {
        UseTree::Path(path) => {
            add(before, &path.ident);
            before.push(("::".into(), path.ident.span().start().line));
            expand(&path.tree, before, imports);
        }
        UseTree::Name(name) => {
            add(before, &name.ident);
            imports.push(before.clone());
        }
        UseTree::Rename(rename) => {
            add(before, &rename.ident);
            imports.push(before.clone());
        }
        UseTree::Glob(glob) => {
            before.push(("*".into(), glob.span().start().line));
            imports.push(before.clone());
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| expand(tree, before, imports)),
    }
    before.truncate(length);
}

/// Whether something is compiled for tests alone: `#[cfg(test)]`, or `#[cfg(all(test, …))]`.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).any(|attribute| {
        let Meta::List(list) = &attribute.meta else { return false };
        let mut words = Vec::new();
        flatten(list.tokens.clone(), &mut words);
        let words: Vec<&str> = words.iter().map(|(word, _)| word.as_str()).collect();
        words == ["test"] || words.starts_with(&["all", "(", "test", ","])
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// What the checks must not overlook, on samples that do it.
mod samples {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new(Path::new("crates/a/src/b.rs"), text).unwrap()
    }

    #[test]
    fn code_after_the_first_item_for_tests_is_read() {
        let text = "#[cfg(test)]\nuse a::b;\n#[cfg(test)]\nmod tests { fn t() { env::var(1) } }\nfn f() {\n    env::var(2)\n}\n\
                    impl A {\n    #[cfg(test)]\n    fn g() { env::var(3) }\n    fn h() { env::var(4) }\n}\n";
        assert_eq!(source(text).lines_of("env :: var"), [6, 11]);
        assert_eq!(lines_of(&source(text).all, "env :: var"), [4, 6, 10, 11]);
        // Not all that mentions tests is for tests alone.
        for attribute in ["cfg(not(test))", "cfg(any(test, unix))", "cfg_attr(test, allow(unused))", "cfg(unix)"] {
            assert_eq!(source(&format!("#[{attribute}]\nfn f() {{ dbg!(1) }}")).lines_of("dbg !"), [2], "{attribute}");
        }
        assert!(source("#[cfg(all(test, unix))]\nfn f() { dbg!(1) }").lines_of("dbg !").is_empty());
    }

    #[test]
    fn modules_for_tests_in_files_of_their_own_are_known() {
        let text = "#[cfg(test)]\nmod tests;\nmod inner { #[cfg(test)] mod deep; }\nmod product;\n\
                    #[cfg(test)] #[path = \"c/d.rs\"] mod other;\n";
        let expected = ["crates/a/src/b/tests", "crates/a/src/b/inner/deep", "crates/a/src/c/d"].map(PathBuf::from);
        assert_eq!(source(text).test_modules, expected);
        let root = Source::new(Path::new("src/lib.rs"), "#[cfg(test)] mod tests;").unwrap();
        assert_eq!(root.test_modules, [PathBuf::from("src/tests")]);
    }

    #[test]
    fn comments_and_texts_are_no_code_and_macros_are() {
        let text = "//! env::var\n/// env::var\nfn f() { g(\"env::var\"); /* env::var */ }\nm! { env::var }\n\
                    macro_rules! n { () => { env\n    ::var } }\n";
        assert_eq!(source(text).lines_of("env :: var"), [4, 5]);
    }

    #[test]
    fn imports_hide_nothing() {
        let text = "use std::{\n    env, process::{self, Command as C},\n    time::*,\n};\nuse std::env as e;\n";
        let source = source(text);
        assert_eq!(source.lines_of("std :: env"), [1, 5]);
        assert_eq!(source.lines_of("process :: Command").len(), 1);
        assert_eq!(source.lines_of("std :: time :: *").len(), 1);
    }

    #[test]
    fn a_value_that_is_built_is_seen_wherever_it_stands() {
        let text = "struct V { a: u8 }\nfn f(v: V) -> V {\n    V { a: 1 }\n}\nimpl V { fn g() -> Self { Self { a: 2 } } }\n\
                    fn h() -> V { if true { x::V { ..y } } else { V { a: 3 } } }\nimpl From<V> for u8 { }\n\
                    fn p(V { a }: V) {}\n";
        assert_eq!(source(text).lines_that_build("V"), [3, 5, 6, 6]);
    }

    #[test]
    fn unsafe_is_seen_in_every_form() {
        for text in [
            "unsafe fn f() {}",
            "fn f() { unsafe { g() } }",
            "unsafe impl Send for A {}",
            "unsafe trait T {}",
            "unsafe extern \"C\" {}",
            "#[unsafe(no_mangle)] fn f() {}",
            "macro_rules! m { () => { unsafe { f() } } }",
        ] {
            assert_eq!(lines_of(&source(text).all, "unsafe"), [1], "{text}");
        }
        assert!(lines_of(&source("// unsafe\nfn f() { \"unsafe\"; not_unsafe() }").all, "unsafe").is_empty());
    }
}
