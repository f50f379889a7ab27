"""Static binaries of the conformance program for other processors.

Debian 12's rustc 1.63 is called directly: cargo of that age cannot read
today's registry, and today's cargo hands options to rustc that 1.63 refuses.
The crates are four, so this is short.
"""

import contextlib
import functools
import hashlib
import json
import os
import pathlib
import subprocess
import threading

ROOT = pathlib.Path(__file__).resolve().parents[3]
OUT = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "conformance"

# The newest libc that Rust 1.63 compiles.
LIBC = "0.2.177"

HOST_LOCK = threading.Lock()


class Failed(Exception):
    """A step that did not work; the text says what to do."""


def run(command, **options):
    done = subprocess.run(command, text=True, capture_output=True, **options)
    if done.returncode != 0:
        shown = " ".join(map(str, command))
        raise Failed(f"this command failed:\n  {shown}\n{done.stdout}{done.stderr}")
    return done.stdout


@functools.lru_cache(maxsize=None)
def debian(*arguments):
    """Rows that verification/tools/debian.py prints; its progress goes to our stderr."""
    command = ["python3", str(ROOT / "verification/tools/debian.py"), *arguments]
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return rows, done.returncode


def libc_source():
    """The folder of the pinned libc crate, fetched by cargo once."""
    pin = OUT / "libc-pin"
    (pin / "src").mkdir(parents=True, exist_ok=True)
    (pin / "src/lib.rs").write_text("")
    manifest = pin / "Cargo.toml"
    manifest.write_text(
        '[package]\nname = "pin"\nversion = "0.0.0"\nedition = "2021"\n'
        f'[dependencies]\nlibc = {{ version = "={LIBC}", default-features = false }}\n'
        "[workspace]\n"
    )
    command = ["cargo", "metadata", "--format-version=1", f"--manifest-path={manifest}"]
    for package in json.loads(run(command))["packages"]:
        if package["name"] == "libc":
            return pathlib.Path(package["manifest_path"]).parent
    raise Failed("cargo metadata did not name libc")


def digest(*trees):
    """A hash over the files of folders, and over texts."""
    total = hashlib.sha256()
    for tree in trees:
        if isinstance(tree, pathlib.Path):
            files = sorted(p for p in tree.rglob("*") if p.is_file()) if tree.is_dir() else [tree]
            for file in files:
                total.update(str(file.relative_to(tree.parent)).encode() + b"\0" + file.read_bytes())
        else:
            total.update(str(tree).encode() + b"\0")
    return total.hexdigest()


class Target:
    """The compiler for one processor."""

    def __init__(self, name):
        rows, _ = debian("cross", name)
        if not rows:
            raise Failed(f"no cross compiler for {name}; see the messages above")
        _, self.rustc, self.triple, self.linker = rows[0]
        self.name = name
        # As /init a program stands alone. For mips64, which only runs under an
        # emulator of programs, Debian 12's tools link a static one that ends
        # before main.
        self.linkage = ["-Ctarget-feature=+crt-static", "-Crelocation-model=static"]
        if name == "mips64el":
            self.linkage = ["-Crelocation-model=pic"]
        self.folder = OUT / "build" / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.read_cfg()

    def read_cfg(self):
        cfg = run([self.rustc, "--print=cfg", "--target", self.triple])
        self.cfg = {}
        for line in cfg.splitlines():
            key, _, value = line.partition("=")
            self.cfg.setdefault(key, []).append(value.strip('"'))

    @contextlib.contextmanager
    def unless_current(self, crate, key):
        """Says whether to build a crate; remembers that it was built."""
        stamp = self.folder / f"{crate}.stamp"
        current = stamp.exists() and stamp.read_text() == key
        if not current:
            stamp.unlink(missing_ok=True)
        yield not current
        stamp.write_text(key)

    def crate(self, name, folder, *, edition, deps=(), features=(), kind="lib",
              root="src/lib.rs"):
        """Compiles a crate after its build script; returns the file made."""
        env, cfgs = self.build_script(name, folder, edition, features)
        stem = name.replace("-", "_") + ("" if kind == "lib" else "_program")
        output = self.folder / (f"lib{stem}.rlib" if kind == "lib" else name)
        command = [
            self.rustc, f"--edition={edition}", f"--crate-type={kind}", f"--crate-name={stem}",
            str(folder / root), "--target", self.triple, f"-Clinker={self.linker}",
            # Not optimised where that takes longer than it saves.
            f"-Copt-level={int(name != 'uffd-conformance')}", "-Cdebug-assertions=on",
            "-Coverflow-checks=on", "-Cstrip=symbols", *self.linkage, "--cap-lints=warn",
            f"-L{self.folder}", "-o", str(output),
        ]
        for dep in deps:
            command += ["--extern", f"{dep}={self.folder}/lib{dep}.rlib"]
        for feature in features:
            command += ["--cfg", f'feature="{feature}"']
        for cfg in cfgs:
            command += ["--cfg", cfg]
        run(command, env={**os.environ, **env})
        return output

    def libc(self, source):
        """Compiles the libc crate unless nothing changed; the key of what it is."""
        key = digest(pathlib.Path(__file__), self.rustc, self.triple, str(source))
        # With `std`, because without it the crate asks for the dynamic libraries.
        with self.unless_current("libc", key) as build:
            if build:
                self.crate("libc", source, edition="2021", features=["std"])
        return key

    def build_script(self, name, folder, edition, features):
        """Runs build.rs on the host; the environment and cfgs it asks for."""
        env = {"CARGO_PKG_VERSION": "0.0.0", "CARGO_MANIFEST_DIR": str(folder)}
        if not (folder / "build.rs").exists():
            return env, []
        script = OUT / "build" / f"{name}-build-script"
        script.parent.mkdir(parents=True, exist_ok=True)
        with HOST_LOCK:
            host, = [r for r in debian("cross", "x86_64")[0]]
            # In one step, as another process may run it or make it, too.
            fresh = script.with_name(f"{script.name}.{os.getpid()}")
            run([host[1], f"--edition={edition}", "--crate-name=build_script_build",
                 "--cap-lints=warn", str(folder / "build.rs"), "-o", str(fresh)])
            fresh.replace(script)
        out = self.folder / f"{name}-out"
        out.mkdir(exist_ok=True)
        env.update(OUT_DIR=str(out), TARGET=self.triple, HOST=host[2], RUSTC=self.rustc)
        for feature in features:
            env["CARGO_FEATURE_" + feature.upper().replace("-", "_")] = "1"
        for key, values in self.cfg.items():
            if key.startswith("target_") and key != "target_feature":
                env["CARGO_CFG_" + key.upper()] = ",".join(values)
        said = run([str(script)], cwd=folder, env={**os.environ, **env})
        cfgs = []
        for line in said.splitlines():
            key, _, value = line.partition("cargo:")[2].lstrip(":").partition("=")
            if key == "rustc-cfg":
                cfgs.append(value)
            elif key == "rustc-env":
                variable, _, text = value.partition("=")
                env[variable] = text
        return env, cfgs


def source_key(root=ROOT):
    """Which sources a report is of: a report of others is stale."""
    suite = root / "verification/conformance"
    return digest(root / "src", root / "verification/kit/src", suite / "src", suite / "errata.txt",
                  *examples(root))[:16]


def examples(root):
    """The files of the examples that the stress of the handler is built of."""
    return root / "examples/handler", root / "examples/support"


def binary(name, libc, root=ROOT, main="src/main.rs"):
    """The static binary for a processor, built unless nothing changed."""
    source = root / "verification/conformance"
    target = Target(name)
    key = digest(target.libc(libc), str(root), root / "src", root / "build.rs", root / "build")
    with target.unless_current("uffd-sys", key) as build:
        if build:
            target.crate("uffd-sys", root, edition="2021", deps=["libc"], features=["abi"])
    deps = ["libc", "uffd_sys"]
    kit = root / "verification/kit"
    key = digest(key, kit / "src")
    with target.unless_current("uffd-kit", key) as build:
        if build:
            target.crate("uffd-kit", kit, edition="2021", deps=deps)
    deps.append("uffd_kit")
    key = digest(key, source / "src", source / "errata.txt", main, *examples(root))
    with target.unless_current("uffd-conformance", key) as build:
        if build:
            target.crate("uffd-conformance", source, edition="2021", deps=deps)
            target.crate("uffd-conformance", source, edition="2021", kind="bin",
                         deps=deps + ["uffd_conformance"], root=main)
    return target.folder / "uffd-conformance"
