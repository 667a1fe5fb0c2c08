"""A Hugging Face Hub on loopback, in memory, for tests.

It speaks the part of the HTTP API that huggingface_hub 2.x and datasets 5.x need for dataset repositories: whoami,
create, settings, preupload, LFS, commit, tree, refs, tags, commits, resolve with ranges. Large files come from a second
origin, as from the real Hub's storage. Requests are logged, and any of them can be made to fail.

    with Hub() as hub:
        os.environ.update(hub.environment(home))      # before huggingface_hub is imported
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

LARGE = (".parquet",)
DATE = "2024-01-01T00:00:00.000Z"
WRITER, READER, STRANGER = "hf_writer", "hf_reader", "hf_stranger"

Fault = Literal["refused", "cut", "lost"]
"""How a request fails: an error answer, a closed connection, or a closed connection after it was done."""


@dataclass(frozen=True)
class Blob:
    """A file of a commit."""

    data: bytes
    large: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def oid(self) -> str:
        """git's name for it; of a large file, for the pointer that git holds in its place."""
        data = self.data
        if self.large:
            size = len(self.data)
            data = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {size}\n".encode()
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    def entry(self, path: str) -> dict[str, Any]:
        known = {"type": "file", "path": path, "size": len(self.data), "oid": self.oid}
        lfs = {"lfs": {"oid": self.sha256, "size": len(self.data), "pointerSize": 130}}
        return {**known, **lfs} if self.large else known


@dataclass
class Commit:
    oid: str
    parent: str | None
    title: str
    text: str
    tree: dict[str, Blob]


@dataclass
class Repo:
    name: str
    private: bool
    gated: bool = False
    granted: set[str] = field(default_factory=set)  # users beside members who may read it although it is gated
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def commit(self, branch: str, title: str, text: str, tree: dict[str, Blob]) -> Commit:
        parent = self.branches.get(branch)
        seed = json.dumps([self.name, len(self.commits), parent, title, sorted((p, b.oid) for p, b in tree.items())])
        made = Commit(hashlib.sha1(seed.encode()).hexdigest(), parent, title, text, tree)
        self.commits[made.oid] = made
        self.branches[branch] = made.oid
        return made

    def find(self, revision: str) -> Commit:
        name = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        oid = self.branches.get(name) or self.tags.get(name) or name
        if oid not in self.commits:
            raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return self.commits[oid]

    def log(self, revision: str) -> Iterator[Commit]:
        commit: Commit | None = self.find(revision)
        while commit:
            yield commit
            commit = self.commits[commit.parent] if commit.parent else None

    def files(self, revision: str) -> dict[str, str]:
        """Path -> sha256 of a revision."""
        return {path: blob.sha256 for path, blob in self.find(revision).tree.items()}


class Refusal(Exception):  # noqa: N818 - it is an answer
    def __init__(self, status: int, text: str, code: str = "", body: Any = None, **headers: str) -> None:
        super().__init__(text)
        self.status = status
        self.body = body or {"error": text}
        self.headers = {"X-Error-Message": text, **({"X-Error-Code": code} if code else {}), **headers}


@dataclass
class Answer:
    body: Any = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Request:
    """A logged request."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    token: str | None
    range: str | None = None
    status: int = 0
    sent: int = 0  # bytes of the answer

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Planned:
    """A fault to come: `times` requests that match, after `after` of them."""

    method: str
    path: str
    kind: Fault
    status: int
    headers: dict[str, str]
    times: int
    after: int

    def hits(self, request: Request) -> bool:
        if self.method not in ("*", request.method) or not re.search(self.path, request.path) or not self.times:
            return False
        if self.after:
            self.after -= 1
            return False
        self.times -= 1
        return True


class Hub:
    """The server. `users`: token -> name, whether it may write, namespaces."""

    def __init__(self) -> None:
        self.users = {
            WRITER: ("ann", True, ["org"]),
            READER: ("rob", False, ["org"]),
            STRANGER: ("sam", True, []),
        }
        self.repos: dict[str, Repo] = {}
        self.stored: dict[str, bytes] = {}  # LFS objects by sha256
        self.requests: list[Request] = []
        self.faults: list[Planned] = []
        self.lock = threading.RLock()

    def __enter__(self) -> Self:
        self.server, self.storage = (self._serve() for _ in range(2))
        self.url, self.storage_url = (f"http://127.0.0.1:{s.server_port}" for s in (self.server, self.storage))
        return self

    def __exit__(self, *_: object) -> None:
        for server in (self.server, self.storage):
            server.shutdown()
            server.server_close()

    def environment(self, home: Any, token: str = WRITER) -> dict[str, str]:
        """What makes huggingface_hub and datasets use this Hub, and nothing else."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_TOKEN": token,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",
            "NO_PROXY": "127.0.0.1",
        }

    def fail(
        self,
        method: str,
        path: str,
        kind: Fault = "refused",
        status: int = 500,
        times: int = 1,
        after: int = 0,
        **headers: str,
    ) -> None:
        """Let requests fail."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.faults.append(Planned(method, path, kind, status, named, times, after))

    def uploaded(self) -> int:
        """Bytes of files that came in: LFS objects, and files inside commits."""
        inline = [
            len(base64.b64decode(line["value"]["content"]))
            for request in self.requests
            if "/commit/" in request.path and request.status == 200
            for line in map(json.loads, request.body.splitlines())
            if line["key"] == "file"
        ]
        return sum(inline) + sum(len(one.body) for one in self.requests if one.method == "PUT" and one.status == 200)

    def _serve(self) -> ThreadingHTTPServer:
        handler = type("Handler", (_Handler,), {"hub": self})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return server

    # What the routes share.

    def answer(self, request: Request) -> Answer:
        for method, path, route in _ROUTES:
            found = re.fullmatch(path, request.path)
            if found and method in (request.method, "GET" if request.method == "HEAD" else ""):
                return route(
                    self, request, **{name: unquote(value) for name, value in found.groupdict(default="").items()}
                )
        raise Refusal(404, f"no route for {request.method} {request.path}")

    def user(self, request: Request) -> tuple[str, bool, list[str]]:
        if request.token is None:
            raise Refusal(401, "Invalid username or password.")
        if request.token not in self.users:
            raise Refusal(401, "Invalid credentials in Authorization header")
        return self.users[request.token]

    def writer(self, request: Request, space: str) -> None:
        name, writes, spaces = self.user(request)
        if not writes or space not in (name, *spaces):
            raise Refusal(403, f"You don't have the rights to write under the namespace {space}")

    def repo(self, request: Request, name: str, write: bool = False) -> Repo:
        found = self.repos.get(name)
        user = self.user(request) if request.token else None
        member = user is not None and name.split("/")[0] in (user[0], *user[2])
        if found is None or (found.private and not member):
            raise Refusal(404 if user else 401, "Repository not found", "RepoNotFound")
        if found.gated and not member and not (user and user[0] in found.granted):
            raise Refusal(403, f"Access to dataset {name} is restricted", "GatedRepo")
        if write:
            self.writer(request, name.split("/")[0])
        return found


def whoami(hub: Hub, request: Request) -> Answer:
    name, writes, spaces = hub.user(request)
    role = "write" if writes else "read"
    orgs = [{"type": "org", "name": space, "roleInOrg": role} for space in spaces]
    token = {"type": "access_token", "accessToken": {"displayName": "test", "role": role}}
    return Answer({"type": "user", "id": name, "name": name, "fullname": name, "orgs": orgs, "auth": token})


def create(hub: Hub, request: Request) -> Answer:
    given = request.json()
    space = given.get("organization") or hub.user(request)[0]
    name = f"{space}/{given['name']}"
    hub.writer(request, space)
    told = {"url": f"{hub.url}/datasets/{name}", "name": name, "id": hashlib.sha1(name.encode()).hexdigest()[:24]}
    if name in hub.repos:
        text = "You already created this dataset repo"
        raise Refusal(409, text, body={"error": text, **told})
    private = given.get("visibility") == "private" or bool(given.get("private"))
    hub.repos[name] = Repo(name, private)
    attributes = Blob(b"*.parquet filter=lfs diff=lfs merge=lfs -text\n", large=False)
    hub.repos[name].commit("main", "initial commit", "", {".gitattributes": attributes})
    return Answer(told)


def validate_card(hub: Hub, request: Request) -> Answer:
    text = request.json()["content"]
    found = re.match(r"---\s*\n(.*?)\n---\s*(\n|$)", text, re.S)
    try:
        metadata = yaml.safe_load(found[1]) if found else None
    except yaml.YAMLError as error:
        raise Refusal(400, "invalid", body={"errors": [{"message": str(error)}], "warnings": []}) from None
    if metadata and metadata.get("license") == "bogus":
        raise Refusal(400, "invalid", body={"errors": [{"message": '"license" must be one of [...]'}], "warnings": []})
    return Answer({"errors": [], "warnings": []})


def info(hub: Hub, request: Request, name: str, revision: str) -> Answer:
    repo = hub.repo(request, name)
    commit = repo.find(revision or "main")
    told = {
        "_id": "0",
        "id": name,
        "author": name.split("/")[0],
        "sha": commit.oid,
        "lastModified": DATE,
        "createdAt": DATE,
        "private": repo.private,
        "gated": "manual" if repo.gated else False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": [],
        "siblings": [{"rfilename": path} for path in sorted(commit.tree)],
    }
    return Answer(told, headers={"X-Repo-Commit": commit.oid})


def settings(hub: Hub, request: Request, name: str) -> Answer:
    repo, asked = hub.repo(request, name, write=True), request.json()
    repo.gated = bool(asked.get("gated", repo.gated))
    repo.private = asked.get("visibility", "private" if repo.private else "public") == "private"
    return Answer({"gated": "manual" if repo.gated else False, "private": repo.private})


def check_rights(hub: Hub, request: Request, name: str, write: str) -> Answer:
    hub.repo(request, name, write=bool(write))
    return Answer()


def refs(hub: Hub, request: Request, name: str) -> Answer:
    repo = hub.repo(request, name)
    branches, tags = (
        [{"name": ref, "ref": f"refs/{kind}/{ref}", "targetCommit": oid} for ref, oid in known.items()]
        for kind, known in (("heads", repo.branches), ("tags", repo.tags))
    )
    return Answer({"branches": branches, "tags": tags, "converts": [], "pullRequests": []})


def commits(hub: Hub, request: Request, name: str, revision: str) -> Answer:
    told = [
        {"id": one.oid, "title": one.title, "message": one.text, "date": DATE, "authors": [{"user": "ann"}]}
        for one in hub.repo(request, name).log(revision)
    ]
    return Answer(told)


def tree(hub: Hub, request: Request, name: str, revision: str, folder: str) -> Answer:
    commit = hub.repo(request, name).find(revision)
    prefix = folder.strip("/") + "/" if folder.strip("/") else ""
    paths = [path for path in sorted(commit.tree) if path.startswith(prefix)]
    if prefix and not paths:
        raise Refusal(404, f"{folder} does not exist", "EntryNotFound")
    parts = [(path, path[len(prefix) :].split("/")) for path in paths]
    folders = sorted({prefix + "/".join(part[:depth]) for _, part in parts for depth in range(1, len(part))})
    deep = request.query.get("recursive", "").lower() in ("true", "1")
    listed = [
        *(
            {"type": "directory", "path": path, "size": 0, "oid": "0" * 40}
            for path in folders
            if deep or path.count("/") == prefix.count("/")
        ),
        *(commit.tree[path].entry(path) for path, part in parts if deep or len(part) == 1),
    ]
    return Answer(listed, headers={"X-Repo-Commit": commit.oid})


def paths_info(hub: Hub, request: Request, name: str, revision: str) -> Answer:
    commit = hub.repo(request, name).find(revision)
    is_json = request.body.startswith(b"{")
    asked = request.json()["paths"] if is_json else parse_qs(request.body.decode())["paths"]
    files = [commit.tree[path].entry(path) for path in asked if path in commit.tree]
    folders = [
        {"type": "directory", "path": path, "size": 0, "oid": "0" * 40}
        for path in asked
        if any(known.startswith(path.rstrip("/") + "/") for known in commit.tree)
    ]
    return Answer(files + folders)


def preupload(hub: Hub, request: Request, name: str, revision: str) -> Answer:
    there = hub.repo(request, name, write=True).find(revision).tree
    told = []
    for file in request.json()["files"]:
        mode = "lfs" if file["path"].endswith(LARGE) else "regular"
        known = there.get(file["path"])
        oid = {"oid": known.sha256 if known.large else known.oid} if known else {}
        told.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, **oid})
    return Answer({"files": told})


def lfs_batch(hub: Hub, request: Request, name: str) -> Answer:
    hub.repo(request, name, write=True)
    objects = []
    for one in request.json()["objects"]:
        told = {"oid": one["oid"], "size": one["size"]}
        if one["oid"] not in hub.stored:
            upload = {"href": f"{hub.storage_url}/objects/{one['oid']}", "header": {}}
            told["actions"] = {"upload": upload, "verify": {"href": f"{hub.url}/verify/{name}", "header": {}}}
        objects.append(told)
    return Answer({"transfer": "basic", "objects": objects})


def store(hub: Hub, request: Request, oid: str) -> Answer:
    if hashlib.sha256(request.body).hexdigest() != oid:
        raise Refusal(400, "sha256 mismatch")
    hub.stored[oid] = request.body
    return Answer()


def stored(hub: Hub, request: Request, oid: str) -> Answer:
    return _part(request, hub.stored[oid], {"ETag": f'"{oid}"'})


def lfs_verify(hub: Hub, request: Request, name: str) -> Answer:
    given = request.json()
    if len(hub.stored.get(given["oid"], b"")) != given["size"]:
        raise Refusal(404, "not uploaded")
    return Answer()


def make_commit(hub: Hub, request: Request, name: str, revision: str) -> Answer:
    repo = hub.repo(request, name, write=True)
    if revision not in repo.branches:
        raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
    head, *changes = map(json.loads, request.body.splitlines())
    parent = head["value"].get("parentCommit")
    if parent and repo.branches[revision] != parent:
        raise Refusal(412, "A commit has happened since. Please refresh and try again.")
    files = dict(repo.find(revision).tree)
    for change in changes:
        _change(hub, files, change["key"], change["value"])
    made = repo.commit(revision, head["value"]["summary"], head["value"].get("description", ""), files)
    url = f"{hub.url}/datasets/{name}/commit/{made.oid}"
    return Answer({"success": True, "commitOid": made.oid, "commitUrl": url, "hookOutput": "", "pullRequestUrl": None})


def _change(hub: Hub, files: dict[str, Blob], key: str, value: dict[str, Any]) -> None:
    if key == "file":
        files[value["path"]] = Blob(base64.b64decode(value["content"]), large=False)
    elif key == "lfsFile":
        if value["oid"] not in hub.stored:
            raise Refusal(400, f"LFS pointer pointed to a file that does not exist: {value['path']}")
        files[value["path"]] = Blob(hub.stored[value["oid"]], large=True)
    elif key == "deletedFile" and files.pop(value["path"], None) is None:
        raise Refusal(404, "A file with this name doesn't exist", "EntryNotFound")


def make_tag(hub: Hub, request: Request, name: str, revision: str) -> Answer:
    repo = hub.repo(request, name, write=True)
    tag = request.json()["tag"]
    if tag in repo.tags:
        raise Refusal(409, "Tag reference exists already")
    repo.tags[tag] = repo.find(revision).oid
    return Answer()


def resolve(hub: Hub, request: Request, name: str, revision: str, path: str) -> Answer:
    commit = hub.repo(request, name).find(revision)
    headers = {"X-Repo-Commit": commit.oid}
    if path not in commit.tree:
        raise Refusal(404, "Entry not found", "EntryNotFound", **headers)
    blob = commit.tree[path]
    headers["ETag"] = f'"{blob.sha256 if blob.large else blob.oid}"'
    if blob.large:
        linked = {"X-Linked-Etag": f'"{blob.sha256}"', "X-Linked-Size": str(len(blob.data))}
        return Answer(b"", 302, {**headers, **linked, "Location": f"{hub.storage_url}/objects/{blob.sha256}"})
    return _part(request, blob.data, headers)


def _part(request: Request, data: bytes, headers: dict[str, str]) -> Answer:
    """The bytes that are asked for."""
    headers = {**headers, "Accept-Ranges": "bytes"}
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", request.range or "")
    if not asked or asked[0] == "bytes=-":
        return Answer(data, headers=headers)
    start = int(asked[1]) if asked[1] else max(len(data) - int(asked[2]), 0)
    end = min(int(asked[2]) + 1, len(data)) if asked[1] and asked[2] else len(data)
    if start >= len(data):
        raise Refusal(416, "range", **{"Content-Range": f"bytes */{len(data)}"})
    return Answer(data[start:end], 206, {**headers, "Content-Range": f"bytes {start}-{end - 1}/{len(data)}"})


_API = r"/api/datasets/(?P<name>[^/]+/[^/]+)"
_ROUTES: list[tuple[str, str, Callable[..., Answer]]] = [
    ("GET", r"/api/whoami-v2", whoami),
    ("POST", r"/api/repos/create", create),
    ("POST", r"/api/validate-yaml", validate_card),
    ("GET", _API + r"(/revision/(?P<revision>[^/]+))?", info),
    ("PUT", _API + r"/settings", settings),
    ("GET", _API + r"/auth-check(?P<write>/write)?", check_rights),
    ("GET", _API + r"/refs", refs),
    ("GET", _API + r"/commits/(?P<revision>[^/]+)", commits),
    ("GET", _API + r"/tree/(?P<revision>[^/]+)(?P<folder>/.*)?", tree),
    ("POST", _API + r"/paths-info/(?P<revision>[^/]+)", paths_info),
    ("POST", _API + r"/preupload/(?P<revision>[^/]+)", preupload),
    ("POST", _API + r"/commit/(?P<revision>[^/]+)", make_commit),
    ("POST", _API + r"/tag/(?P<revision>[^/]+)", make_tag),
    ("POST", r"/datasets/(?P<name>[^/]+/[^/]+)\.git/info/lfs/objects/batch", lfs_batch),
    ("POST", r"/verify/(?P<name>.+)", lfs_verify),
    ("PUT", r"/objects/(?P<oid>[0-9a-f]{64})", store),
    ("GET", r"/objects/(?P<oid>[0-9a-f]{64})", stored),
    ("GET", r"/datasets/(?P<name>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)", resolve),
]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    hub: Hub

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
        request = Request(self.command, url.path, query, self._body(), token, self.headers.get("Range"))
        with self.hub.lock:
            self.hub.requests.append(request)
            fault = next((one for one in self.hub.faults if one.hits(request)), None)
            if fault and fault.kind == "cut":
                self._hang_up()
                return
            if fault and fault.kind == "refused":
                answer = Answer({"error": "injected"}, fault.status, fault.headers)
            else:
                answer = self._answer(request)
        request.status = answer.status
        if fault and fault.kind == "lost":
            self._hang_up()
            return
        self._send(answer, request)

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815

    def _answer(self, request: Request) -> Answer:
        try:
            return self.hub.answer(request)
        except Refusal as refusal:
            return Answer(refusal.body, refusal.status, refusal.headers)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(2)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def _send(self, answer: Answer, request: Request) -> None:
        raw = isinstance(answer.body, bytes)
        body = answer.body if raw else json.dumps(answer.body).encode()
        kind = "application/octet-stream" if raw else "application/json"
        self.send_response(answer.status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            request.sent = len(body)
            self.wfile.write(body)
