// The dashboard: a plain reader of the API. Nothing here is kept, and nothing is written.
"use strict";

const api = "../api/";
const $ = (id) => document.getElementById(id);

/** An element with text children only, so that nothing from the cluster is ever read as HTML. */
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== undefined && child !== null));
  return node;
}

const code = (text) => element("code", {}, String(text ?? ""));
const lines = (texts) => (texts ?? []).flatMap((text) => [code(text), element("br")]).slice(0, -1);
const status = (object) =>
  element("span", {}, element("span", { class: object.status }, object.status),
    ...(object.error ?? []).map((reason) => element("span", { class: "reason" }, reason)));
/** The proxy's own routers have the highest numbers there are, which tell nobody anything. */
const priority = (text) => (text.length > 15 ? "highest" : text);
const day = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 10);
const daysLeft = (seconds) => Math.floor((seconds * 1000 - Date.now()) / 86400000);

/** What each tab asks for and how it shows an object. */
const tabs = {
  Routers: {
    path: "http/routers",
    columns: {
      Status: status, Rule: (r) => code(r.rule), "Entry points": (r) => (r.using ?? r.entryPoints ?? []).join(", "),
      TLS: (r) => (r.tls ? r.tls.options || "default" : ""), Middlewares: (r) => element("span", {}, ...lines(r.middlewares)),
      Service: (r) => code(r.service), Priority: (r) => priority(r.priorityStr), Name: (r) => code(r.name),
    },
  },
  Services: {
    path: "http/services",
    columns: {
      Status: status, Name: (s) => code(s.name), Type: (s) => s.type,
      Servers: (s) => element("span", {}, ...lines((s.loadBalancer?.servers ?? []).map((v) => v.url + (v.fenced ? " (leaving)" : "")))),
      "Used by": (s) => `${(s.usedBy ?? []).length} routers`,
    },
  },
  Middlewares: {
    path: "http/middlewares",
    columns: {
      Status: status, Name: (m) => code(m.name), Type: (m) => m.type,
      Settings: (m) => code(JSON.stringify(Object.entries(m).find(([k]) => k.toLowerCase() === m.type)?.[1] ?? {})),
      "Used by": (m) => `${(m.usedBy ?? []).length} routers`,
    },
  },
  Certificates: {
    path: "certificates", whole: true,
    columns: {
      Names: (c) => element("span", {}, ...lines(c.names)), From: (c) => code(c.origin), Issuer: (c) => c.issuer,
      "Valid from": (c) => day(c.notBefore), Until: (c) => day(c.notAfter),
      Left: (c) => element("span", { class: daysLeft(c.notAfter) < 0 ? "error" : "enabled" }, `${daysLeft(c.notAfter)} days`),
    },
  },
  Diagnostics: {
    path: "diagnostics", whole: true,
    columns: {
      Severity: (d) => element("span", { class: d.severity }, d.severity), Kind: (d) => d.subject.kind,
      Object: (d) => code([d.subject.namespace, d.subject.name].filter(Boolean).join("/")), Finding: (d) => d.message,
    },
  },
  "Entry points": {
    path: "entrypoints", whole: true,
    columns: { Name: (e) => e.name, Address: (e) => code(e.address), TLS: (e) => (e.http?.tls ? "yes" : "") },
  },
};

let current = decodeURIComponent(location.hash.slice(1)) in tabs ? decodeURIComponent(location.hash.slice(1)) : "Routers";

async function ask(path) {
  const response = await fetch(api + path);
  const value = await response.json();
  if (!response.ok) throw new Error(value.message ?? response.statusText);
  return { value, next: Number(response.headers.get("x-next-page") ?? 1) };
}

function tile(label, number, detail, kind) {
  return element("div", { class: "tile" }, element("b", { class: kind ?? "" }, String(number)), label,
    element("span", { class: "soft" }, detail ? ` · ${detail}` : ""));
}

async function overview() {
  const { value: all } = await ask("overview");
  const kinds = ["routers", "services", "middlewares"].map((kind) => [kind, all.http[kind]]).map(([kind, n]) =>
    tile(kind, n.total, n.errors ? `${n.errors} disabled` : "", n.errors ? "disabled" : ""));
  $("tiles").replaceChildren(...kinds, tile("certificates", all.certificates.total),
    tile("diagnostics", all.diagnostics, "", all.diagnostics ? "warning" : ""));
}

async function table() {
  const tab = tabs[current];
  const search = $("search").value.trim().toLowerCase();
  const broken = $("broken").checked;
  let objects;
  let more = false;
  if (tab.whole) {
    objects = (await ask(tab.path)).value;
  } else {
    const query = new URLSearchParams({ per_page: 200, search });
    if (broken) query.set("status", "disabled");
    const page = await ask(`${tab.path}?${query}`);
    objects = page.value;
    more = page.next > 1;
  }
  const columns = Object.entries(tab.columns);
  const rows = objects
    .filter((object) => !tab.whole || JSON.stringify(object).toLowerCase().includes(search))
    .map((object) => element("tr", {}, ...columns.map(([, show]) => element("td", {}, show(object)))));
  $("count").textContent = more ? `the first ${rows.length}; search for more` : `${rows.length} shown`;
  const head = element("tr", {}, ...columns.map(([name]) => element("th", { scope: "col" }, name)));
  $("table").replaceChildren(rows.length
    ? element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows))
    : element("p", { class: "empty" }, current === "Diagnostics" ? "Nothing is wrong." : "Nothing here."));
}

async function refresh() {
  try {
    await Promise.all([overview(), table()]);
    $("trouble").hidden = true;
  } catch (error) {
    $("trouble").textContent = `Cannot read the API: ${error.message}. Trying again.`;
    $("trouble").hidden = false;
  }
}

function choose(name) {
  current = name;
  location.hash = encodeURIComponent(name);
  for (const button of $("tabs").children) button.setAttribute("aria-selected", String(button.textContent === name));
  $("broken").parentElement.hidden = Boolean(tabs[name].whole);
  refresh();
}

$("tabs").replaceChildren(...Object.keys(tabs).map((name) => {
  const button = element("button", { type: "button", role: "tab" }, name);
  button.addEventListener("click", () => choose(name));
  return button;
}));
$("search").addEventListener("input", refresh);
$("broken").addEventListener("change", refresh);
ask("version").then(({ value }) => { $("version").textContent = value.Version; }, () => {});
choose(current);
setInterval(refresh, 3000);
