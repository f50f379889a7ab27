#!/usr/bin/env python3
"""All of a release but the publishing, from what is committed:

    make release-rehearsal

In two clones in different folders it makes the packages of the registry, in the
order in which they are published, the C library as `make install` leaves it, and
the bill of materials of each package; both must be the same byte for byte. The
packages are built outside the checkout, one on the other. Then the contents, the
versions, the licences, the oldest dependencies and the public API. What a release
consists of is left in target/release-rehearsal. Exit code 3: something could not
be fetched.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "target/release-rehearsal"
CARGO = os.environ.get("CARGO", "cargo")
# In this order: each is built on those before it.
PUBLISHED = ["uffd-sys", "uffd-lint", "uffd-abi"]
# What each must hold, and what has no place in a package.
NEEDED = {"Cargo.toml", "README.md", "LICENSE-APACHE", "LICENSE-MIT", "src/lib.rs"}
STRANGE = re.compile(r"^(verification|target|fuzz|capi|\.github|\.ci)/|^tests/|(^|/)\.(?!cargo_vcs_info\.json$)")
LARGEST = 512 * 1024  # bytes of one file


def fail(sentence):
    sys.exit(f"release-rehearsal: {sentence}")


def run(*command, cwd=ROOT, env=None, not_fetched=()):
    """Its output; whoever reads along sees what is being done."""
    print(f"-- {' '.join(map(str, command))}", flush=True)
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **(env or {})}, text=True, capture_output=True)
    if done.returncode in not_fetched:
        print(done.stdout + done.stderr)
        sys.exit(3)
    if done.returncode:
        fail(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def versions():
    """The version of each package; those that depend on each other must agree."""
    packages = json.loads(run(CARGO, "metadata", "--no-deps", "--format-version=1"))["packages"]
    public = {p["name"]: p for p in packages if p["publish"] != []}
    if sorted(public) != sorted(PUBLISHED):
        fail(f"these packages may be published: {sorted(public)}, and these are rehearsed: {PUBLISHED}. Add "
             "`publish = false`, or the package to PUBLISHED, after what it needs.")
    for name in PUBLISHED:
        for dependency in public[name]["dependencies"]:
            needs = public.get(dependency["name"])
            if needs and dependency["kind"] != "dev" and dependency["req"] != f"^{needs['version']}":
                fail(f"{name} asks for {dependency['name']} {dependency['req']}, which is {needs['version']} now: "
                     f"mend {public[name]['manifest_path']}")
        for field in ("description", "license", "readme", "documentation", "keywords", "categories"):
            if not public[name][field]:
                fail(f"{public[name]['manifest_path']} has no `{field}`")
    newest = public["uffd-sys"]["version"]
    c_library = tomllib.loads((ROOT / "capi/Cargo.toml").read_text())["package"]["version"]
    if c_library != newest:
        fail(f"capi/Cargo.toml says {c_library}, and Cargo.toml {newest}")
    heading = re.search(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), flags=re.M)[1]
    if heading.split(" ")[0] != newest:
        fail(f"the first heading of CHANGELOG.md is '{heading}', and must begin with {newest}")
    unset = [p["name"] for p in public.values() if not p["repository"]]
    notes = [f"`repository` is not set for {', '.join(sorted(unset))}: CONTRIBUTING.md says where it goes"] if unset else []
    if not re.search(r"\d{4}-\d\d-\d\d$", heading):
        notes.append(f"CHANGELOG.md's '{heading}' needs the day of the release")
    return {name: public[name]["version"] for name in PUBLISHED}, notes


def public_api(version):
    """A name that was taken away since the last tag asks for a new major version."""
    run(sys.executable, "verification/tools/public_api.py", not_fetched=[3])
    tag = next(iter(git("tag", "--list", "v*", "--sort=-version:refname").split()), None)
    if not tag:
        return "no release is tagged yet, so there is no public API to keep"
    before = set(git("show", f"{tag}:docs/public-api.txt").splitlines())
    gone = sorted(before - set((ROOT / "docs/public-api.txt").read_text().splitlines()))
    compatible = lambda v: tuple(v.split(".")[:2 if v.startswith("0.") else 1])  # noqa: E731
    if gone and compatible(tag[1:]) == compatible(version):
        fail(f"since {tag} this left the public API, which {version} must keep:\n" + "\n".join(gone))
    return f"since {tag} {len(gone)} lines left the public API"


def bill_of_materials(clone, name, version, lock, out):
    """CycloneDX, of what `cargo metadata` says is in a program that depends on the
    package as it is by default. Without a clock, a number drawn by chance or a folder of
    this machine, so that two clones make the same."""
    manifest = clone / {"uffd-sys": "."}.get(name, name) / "Cargo.toml"
    tree = run(CARGO, "tree", "--manifest-path", str(manifest), "--package", name, "--edges", "normal,build",
               "--target", "all", "--prefix", "none", "--no-dedupe", "--format", "{p}\t{l}", cwd=clone)
    components = {}
    for line in tree.splitlines():
        described, licence = line.split("\t")
        crate, number = described.split(" ")[:2]
        number = number.removeprefix("v")
        if crate == name:
            continue
        component = {"type": "library", "name": crate, "version": number, "purl": f"pkg:cargo/{crate}@{number}",
                     "licenses": [{"expression": licence.replace("/", " OR ")}]}
        if (crate, number) in lock:
            component["hashes"] = [{"alg": "SHA-256", "content": lock[crate, number]}]
        components[crate, number] = component
    if not components:
        fail(f"{name} seems to depend on nothing: cargo tree said:\n{tree}")
    bill = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
            "metadata": {"component": {"type": "library", "name": name, "version": version,
                                       "purl": f"pkg:cargo/{name}@{version}",
                                       "licenses": [{"expression": "MIT OR Apache-2.0"}]}},
            "components": [components[key] for key in sorted(components)]}
    (out / f"{name}-{version}.cdx.json").write_text(json.dumps(bill, indent=1) + "\n")


def rehearse(commit, clone, out, numbers, build):
    """What a release consists of, in `out`."""
    git("clone", "-q", "--no-checkout", str(ROOT), str(clone))
    git("-C", str(clone), "checkout", "-q", "--detach", commit)
    # The same choice of dependencies twice.
    shutil.copy(ROOT / "Cargo.lock", clone)
    env = {"CARGO_TARGET_DIR": str(clone / "target")}
    packages = [word for name in PUBLISHED for word in ("-p", name)]
    run(CARGO, "package", *packages, *([] if build else ["--no-verify"]), cwd=clone, env=env)
    out.mkdir(parents=True)
    for name, version in numbers.items():
        shutil.copy(clone / f"target/package/{name}-{version}.crate", out)
    run("make", "install", "PREFIX=/usr", f"DESTDIR={out / 'c'}", cwd=clone, env=env)
    lock = {(p["name"], p["version"]): p.get("checksum")
            for p in tomllib.loads((clone / "Cargo.lock").read_text())["package"] if "checksum" in p}
    for name, version in numbers.items():
        bill_of_materials(clone, name, version, lock, out)


def contents(crate):
    with tarfile.open(crate) as package:
        files = {m.name.split("/", 1)[1]: m.size for m in package.getmembers()}
    for missing in sorted(NEEDED - set(files)):
        fail(f"{crate.name} has no {missing}")
    strange = [name for name in files if STRANGE.search(name)]
    large = [name for name, size in files.items() if size > LARGEST]
    if strange or large:
        fail(f"{crate.name} should not hold {(strange + large)[:5]}: see `include` in its Cargo.toml")
    return f"{crate.name}: {len(files)} files, {crate.stat().st_size // 1024} KiB"


def sums(folder):
    """Of each file; a link is what it names."""
    return {str(p.relative_to(folder)): os.readlink(p) if p.is_symlink() else hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(folder.rglob("*")) if p.is_symlink() or p.is_file()}


def main():
    if changed := git("status", "--porcelain"):
        fail(f"this is not committed, so it would not be released:\n{changed}")
    commit = git("rev-parse", "HEAD").strip()
    numbers, notes = versions()
    shutil.rmtree(OUT, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="uffd-sys-release.") as folder:
        folder = pathlib.Path(folder)
        made = []
        for name, build in (("one", True), ("a second", False)):
            out = folder / f"made of {name}"
            rehearse(commit, folder / name, out, numbers, build)
            made.append(sums(out))
        differ = sorted(p for p in made[0].keys() | made[1].keys() if made[0].get(p) != made[1].get(p))
        if differ:
            fail(f"two clones do not make the same: {', '.join(differ)}")
        shutil.copytree(folder / "made of one", OUT, symlinks=True)
    (OUT / "SHA256SUMS").write_text("".join(
        f"{value}  {name}\n" for name, value in made[0].items() if not (OUT / name).is_symlink()))
    for crate in sorted(OUT.glob("*.crate")):
        print(contents(crate))
    run(sys.executable, "verification/tools/licences.py")
    run("sh", "verification/tools/minimal_versions.sh")
    print(public_api(numbers["uffd-sys"]))
    for note in notes:
        print(f"to do before a release: {note}")
    print(f"release-rehearsal: {len(made[0])} files, the same from two clones: {OUT.relative_to(ROOT)}\n"
          f"Publish in this order: {', '.join(PUBLISHED)}")


if __name__ == "__main__":
    main()
