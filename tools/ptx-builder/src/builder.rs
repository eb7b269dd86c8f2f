//! One kernel package for one architecture: building it, and checking what is committed.

use crate::files::{digest, digest_of, files_below, read, read_text, write};
use crate::toolchain::COMMON_FLAGS;
use crate::{Key, LaunchBounds, MEND, PtxError, Toolchain, text};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Flags of the kernels alone. Link-time optimisation brings `core` in; `asm` of that is the PTX.
const KERNEL_FLAGS: [&str; 4] = ["--crate-type=staticlib", "-Clto=fat", "--emit=asm", "--cap-lints=warn"];

/// Flags of the packages that the kernels depend on. Their functions are compiled again within the kernels.
const LIBRARY_FLAGS: [&str; 3] = ["--crate-type=rlib", "-Ctarget-cpu=sm_80", "--cap-lints=warn"];

/// Changes when what is done to the compiler's output does.
const FINISH: &str = "bounds-1";

/// A GPU architecture, as PTX and the assembler call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// A100. Its PTX runs on everything later, compiled by the driver.
    Sm80,
    /// H100, H200.
    Sm90,
    /// B200.
    Sm100,
}

impl Arch {
    /// All that there are.
    pub const ALL: [Arch; 3] = [Arch::Sm80, Arch::Sm90, Arch::Sm100];

    /// As in `.target`.
    pub fn name(self) -> &'static str {
        match self {
            Arch::Sm80 => "sm_80",
            Arch::Sm90 => "sm_90",
            Arch::Sm100 => "sm_100",
        }
    }

    /// The version of the PTX instruction set that rustc writes for it.
    pub fn isa(self) -> &'static str {
        match self {
            Arch::Sm80 => "7.0",
            Arch::Sm90 => "7.8",
            Arch::Sm100 => "8.6",
        }
    }

    /// By name.
    pub fn parse(name: &str) -> Result<Arch, PtxError> {
        let found = Arch::ALL.into_iter().find(|arch| arch.name() == name);
        found.ok_or_else(|| PtxError::UnknownArch(name.into()))
    }
}

/// Builds one kernel package. See the crate's page.
#[derive(Clone, Debug)]
pub struct PtxBuilder {
    package: PathBuf,
    /// Packages that it depends on, which depend on none.
    libraries: Vec<PathBuf>,
    arch: String,
    copy_to: PathBuf,
}

/// What a build made.
#[derive(Clone, Debug)]
pub struct Built {
    /// Where it was written; the key is beside it.
    pub path: PathBuf,
    /// The PTX.
    pub text: String,
    /// What it was made from.
    pub key: Key,
}

/// How committed PTX compares with a build of the same sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Byte by byte the same.
    Same,
    /// The compiler gives something else: the number of the first line that differs, from 1.
    Differs {
        /// From 1.
        line: usize,
    },
}

impl PtxBuilder {
    /// Builds the package in the folder `package`, for sm_80, into its subfolder `ptx`.
    pub fn new(package: impl AsRef<Path>) -> PtxBuilder {
        let package = package.as_ref().to_path_buf();
        let (copy_to, arch) = (package.join("ptx"), Arch::Sm80.name().into());
        PtxBuilder { package, libraries: Vec::new(), arch, copy_to }
    }

    /// With a package that it depends on, in the folder `package`; that one depends on none.
    pub fn library(mut self, package: impl AsRef<Path>) -> PtxBuilder {
        self.libraries.push(package.as_ref().to_path_buf());
        self
    }

    /// For another architecture, by its name: `sm_90`. The kernels see it as `cfg(ptx_arch = "sm_90")`.
    pub fn arch(mut self, arch: impl Into<String>) -> PtxBuilder {
        self.arch = arch.into();
        self
    }

    /// Into another folder.
    pub fn copy_to(mut self, folder: impl AsRef<Path>) -> PtxBuilder {
        self.copy_to = folder.as_ref().to_path_buf();
        self
    }

    /// The committed PTX.
    pub fn path(&self) -> Result<PathBuf, PtxError> {
        Ok(self.copy_to.join(format!("{}.{}.ptx", self.name()?, self.arch)))
    }

    /// The bounds in the package.
    pub fn launch_bounds(&self) -> Result<LaunchBounds, PtxError> {
        LaunchBounds::parse(&read_text(&self.package.join("launch-bounds.txt"))?)
    }

    /// Compiles, checks and writes the PTX and its key.
    pub fn build(&self, toolchain: &Toolchain) -> Result<Built, PtxError> {
        let built = self.compile(toolchain)?;
        write(&built.path, &built.text)?;
        write(&built.path.with_extension("key"), &built.key.to_text())?;
        Ok(built)
    }

    /// Compares the committed PTX with its sources, by digests: needs no compiler. Fails with
    /// [`PtxError::Stale`] if they do not belong together.
    pub fn check(&self) -> Result<Key, PtxError> {
        let path = self.path()?;
        let stale = |why: String| PtxError::Stale { path: path.clone(), why, command: MEND };
        let committed = read_text(&path.with_extension("key")).map_err(|e| stale(e.to_string()))?;
        let committed = Key::parse(&committed).ok_or_else(|| stale("its key cannot be read".into()))?;
        let now = Key { compiler: String::new(), core: String::new(), ..self.key(&read(&path)?)? };
        match now.difference(&committed) {
            Some(why) => Err(stale(why)),
            None => Ok(committed),
        }
    }

    /// Compiles again and compares byte by byte. [`PtxError::NoToolchain`] if `toolchain` is not the
    /// one that made the committed PTX.
    pub fn compare(&self, toolchain: &Toolchain) -> Result<Comparison, PtxError> {
        let committed = self.check()?;
        let [compiler, core] = [toolchain.compiler(), toolchain.core_digest()].map(String::from);
        // Asked first: another compiler need not even take these sources.
        Key { compiler, core, ..committed.clone() }.has_toolchain_of(&committed)?;
        let built = self.compile(toolchain)?;
        let text = read_text(&built.path)?;
        if text == built.text {
            return Ok(Comparison::Same);
        }
        let same = text.lines().zip(built.text.lines()).take_while(|(a, b)| a == b).count();
        Ok(Comparison::Differs { line: same + 1 })
    }

    fn compile(&self, toolchain: &Toolchain) -> Result<Built, PtxError> {
        let (name, arch) = (self.name()?, Arch::parse(&self.arch)?);
        let bounds = self.launch_bounds()?;
        let folder = tempfile::tempdir().map_err(PtxError::io(&self.package))?;
        let out = folder.path().join("kernels.ptx");
        let [cpu, cfg] = [format!("-Ctarget-cpu={}", self.arch), format!("--cfg=ptx_arch=\"{}\"", self.arch)];
        let crate_name = crate_name_flag(&name);
        let library = self.package.join("src/lib.rs");
        let externs = self.compile_libraries(toolchain, folder.path())?;
        let mut arguments: Vec<&OsStr> = KERNEL_FLAGS.iter().map(OsStr::new).collect();
        arguments.extend([cpu.as_ref(), cfg.as_ref(), crate_name.as_ref(), "-o".as_ref(), out.as_os_str()]);
        arguments.extend(externs.iter().map(OsStr::new));
        arguments.push(library.as_os_str());
        toolchain.compile(&name, &arguments)?;

        let text = text::finish(&name, arch, &read_text(&out)?, &bounds)?;
        let key = Key {
            compiler: toolchain.compiler().into(),
            core: toolchain.core_digest().into(),
            ..self.key(text.as_bytes())?
        };
        Ok(Built { path: self.path()?, text, key })
    }

    /// Compiles the packages that this one depends on into `folder`; the flags by which rustc finds them.
    fn compile_libraries(&self, toolchain: &Toolchain, folder: &Path) -> Result<Vec<String>, PtxError> {
        let compile = |package: &PathBuf| {
            let name = name_of(package)?;
            let (crate_name, library) = (name.replace('-', "_"), package.join("src/lib.rs"));
            let (out, flag) = (folder.join(format!("lib{crate_name}.rlib")), crate_name_flag(&name));
            let mut arguments: Vec<&OsStr> = LIBRARY_FLAGS.iter().map(OsStr::new).collect();
            arguments.extend([flag.as_ref(), "-o".as_ref(), out.as_os_str(), library.as_os_str()]);
            toolchain.compile(&name, &arguments)?;
            Ok(format!("--extern={crate_name}={}", out.display()))
        };
        self.libraries.iter().map(compile).collect()
    }

    /// The digest of all sources: of the package, and behind it of those that it depends on.
    fn sources(&self) -> Result<String, PtxError> {
        let mut files = files_below(&self.package, "src")?;
        files.extend(["Cargo.toml", "launch-bounds.txt"].map(PathBuf::from));
        let mut digests = vec![digest_of(&self.package, &files)?];
        for package in &self.libraries {
            digests.push(digest_of(package, &files_below(package, "src")?)?);
        }
        match &digests[..] {
            [own] => Ok(own.clone()),
            all => Ok(digest(all.join("\n").as_bytes())),
        }
    }

    /// The key of this PTX by the sources as they are; compiler and core are left empty.
    fn key(&self, ptx: &[u8]) -> Result<Key, PtxError> {
        Ok(Key {
            package: self.name()?,
            arch: self.arch.clone(),
            compiler: String::new(),
            core: String::new(),
            recipe: [&COMMON_FLAGS[..], &KERNEL_FLAGS, &[FINISH]].concat().join(" "),
            sources: self.sources()?,
            text: digest(ptx),
        })
    }

    /// `name` in the package's manifest.
    fn name(&self) -> Result<String, PtxError> {
        name_of(&self.package)
    }
}

/// `name` in the manifest of a package.
fn name_of(package: &Path) -> Result<String, PtxError> {
    let manifest = package.join("Cargo.toml");
    let text = read_text(&manifest)?;
    let name = text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    name.map(String::from).ok_or_else(|| {
        let source = std::io::Error::other("there is no line `name = \"…\"`");
        PtxError::Io { path: manifest, source }
    })
}

fn crate_name_flag(name: &str) -> String {
    format!("--crate-name={}", name.replace('-', "_"))
}
