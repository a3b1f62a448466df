// Sends a folder or files, one a request, four at once; lists only what needs a person.
const AT_ONCE = 4;
const DIGEST_UP_TO = 256 * 1024 * 1024; // crypto.subtle takes a file whole; larger ones the server digests alone
const LITTER = /^(\..*|thumbs\.db|desktop\.ini)$/i; // left in folders by operating systems

for (const form of document.querySelectorAll("form[data-upload]")) arm(form);

function arm(form) {
  const zone = form.querySelector("[data-zone]");
  const chosen = form.querySelector("#upload-files");
  const folder = form.querySelector("[data-folder]");
  const retry = form.querySelector("[data-retry]");
  const words = form.querySelector("[data-words]").dataset;
  const state = { address: "", page: "", queue: [], running: 0, total: 0, done: 0, known: 0, failed: [] };
  const told = form.querySelector("[data-told]");
  const bar = form.querySelector("progress");
  const refusals = form.querySelector("[data-refusals]");

  form.querySelector(".scripted").hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    start([...chosen.files].map((file) => ({ file, path: file.name })));
  });
  folder.addEventListener("change", () => start([...folder.files].filter((f) => !LITTER.test(f.name)).map((f) => ({ file: f, path: f.webkitRelativePath || f.name }))));
  retry.addEventListener("click", () => { retry.hidden = true; refusals.replaceChildren(); start(state.failed.splice(0)); });
  for (const kind of ["dragenter", "dragover"]) {
    zone.addEventListener(kind, (event) => { event.preventDefault(); zone.classList.add("over"); });
  }
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    if (form.dataset.begin !== undefined && !form.elements.name.value && entries.length) form.elements.name.value = entries[0].name;
    form.querySelector("[data-sending]").hidden = false;
    const found = [];
    for (const entry of entries) await walk(entry, found, () => { told.textContent = say(words.counting, { found: found.length }); });
    start(found);
  });

  async function start(files) {
    if (!files.length) return;
    const name = form.elements.name;
    if (name && !name.value) name.value = files[0].path.split("/")[0];
    form.querySelector("[data-sending]").hidden = false;
    if (!state.address && !(await begin())) return;
    state.queue.push(...files);
    state.total += files.length;
    report();
    while (state.running < AT_ONCE && state.queue.length) { state.running += 1; work(); }
  }

  async function begin() {
    if (form.dataset.begin === undefined) { state.address = form.action; state.page = location.href; return true; }
    const answer = await post(form.action, { name: form.elements.name.value });
    if (!answer.ok) { told.textContent = answer.body.words ?? say(words.lost, { path: form.elements.name.value }); return false; }
    state.address = answer.body.files;
    state.page = answer.body.page;
    return true;
  }

  async function work() {
    while (state.queue.length) await send(state.queue.shift());
    state.running -= 1;
    if (!state.running) finish();
  }

  async function send(item) {
    const answer = await post(state.address, { path: item.path, sha256: await digest(item.file), files: item.file });
    if (answer.ok) {
      state.done += 1;
      if (answer.body.outcome === "already_here") state.known += 1;
    } else {
      state.failed.push(item);
      const line = document.createElement("li");
      line.textContent = answer.body.words ?? say(words.lost, { path: item.path });
      refusals.append(line);
    }
    report();
  }

  async function post(address, fields) {
    const body = new FormData();
    body.append("csrf", form.elements.csrf.value);
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    try {
      const response = await fetch(address, { method: "POST", body, headers: { Accept: "application/json" } });
      return { ok: response.ok, body: await response.json() };
    } catch {
      return { ok: false, body: {} };
    }
  }

  function report() {
    const settled = state.done + state.failed.length;
    bar.max = state.total;
    bar.value = settled;
    told.textContent = say(words.sent, { done: settled, total: state.total, refused: state.failed.length });
  }

  function finish() {
    const known = state.known ? say(words.here, { n: state.known }) : "";
    state.total = state.done + state.failed.length;
    told.textContent = `${say(words.finished, { done: state.done, refused: state.failed.length })} ${known}`;
    retry.hidden = !state.failed.length;
    state.total -= state.failed.length;
    const link = form.querySelector("[data-page]");
    link.href = state.page;
    link.hidden = false;
    if (!state.failed.length) location.assign(state.page);
  }
}

// Browsers hand a directory's entries out in portions (100 at a time): ask until none come.
async function walk(entry, found, seen) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    if (!LITTER.test(file.name)) found.push({ file, path: entry.fullPath.replace(/^\//, "") });
    seen();
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const portion = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!portion.length) return;
    for (const inner of portion) await walk(inner, found, seen);
  }
}

// The browser digests off the page's own thread; where the address is not secure there is no crypto.subtle.
async function digest(file) {
  if (!globalThis.crypto?.subtle || file.size > DIGEST_UP_TO) return "";
  const content = await file.arrayBuffer().catch(() => null); // gone or changed since it was chosen: sending tells
  if (!content) return "";
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function say(text, facts) {
  return text.replace(/\{(\w+)\}/g, (_, name) => facts[name]);
}
