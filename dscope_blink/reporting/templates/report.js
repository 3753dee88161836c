"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const FIRST_ROWS = 60, MORE_ROWS = 200;
  const MOST_CARDS = 12;
  const ONLY = { fail: 1, marginal: 3, all: -1 };
  const FAILURES_FIRST = "s";
  const find = (id) => document.getElementById(id);
  const batch = JSON.parse(find("batch").textContent);
  const rows = batch.rows;
  const natural = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const inWords = (status) => status.replaceAll("_", " ");
  const statusWord = (row) => batch.statuses[row.s].replace("_", " ");

  /** An element; a text child is text, whatever is in it. */
  function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value === true) element.setAttribute(key, "");
      else if (value !== false && value !== null) element.setAttribute(key, value);
    }
    element.append(...children);
    return element;
  }

  function draw(name, attributes, ...children) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  // --- filtering and sorting

  const ANY = { status: ONLY.all, zone: "", kind: "", broken: false, criteria: "", reason: "", column: "", value: "", text: "" };
  const wanted = { ...ANY };
  const order = { key: FAILURES_FIRST, down: false };
  let shown = [];

  /** Titles and values of what the manifest carries beside a picture. */
  function carried(row) {
    const values = row.g.map((value, number) => [batch.columns[number], value]).filter(([column, value]) => column.carried && value !== null);
    return values.map(([column, value]) => [column.title, column.values[value]]).filter(([, text]) => text);
  }

  rows.forEach((row, number) => {
    row.number = number;
    row.beside = carried(row);
    row.words = [row.f, ...row.beside.map(([, text]) => text), ...row.r, statusWord(row), row.a ? inWords(row.a[0]) : "", batch.criteria[row.e]].join(" ").toLowerCase();
    row.bad = row.z.reduce((sum, tally) => sum + tally[3], 0);
  });

  function holds(row) {
    if (wanted.status === ONLY.marginal ? !row.m : wanted.status !== ONLY.all && row.s !== wanted.status) return false;
    if (wanted.criteria !== "" && row.e !== Number(wanted.criteria)) return false;
    if (wanted.reason !== "" && !row.k.includes(Number(wanted.reason))) return false;
    if (wanted.value !== "" && valueOf(row, wanted.column) !== batch.columns[wanted.column].values[wanted.value]) return false;
    if (wanted.zone !== "" || wanted.kind !== "" || wanted.broken) {
      const { zone, kind, broken } = wanted;
      const fits = (t) => (zone === "" || t[0] === Number(zone)) && (kind === "" || t[1] === Number(kind)) && (!broken || t[3] > 0);
      if (!row.z.some(fits)) return false;
    }
    return wanted.text.split(/\s+/).every((word) => row.words.includes(word));
  }

  /** Empty where the column says nothing of it. */
  const valueOf = (row, column) => batch.columns[column].values[row.g[column] ?? -1] ?? "";

  const FAIL_FIRST = [2, 0, 1];
  const VALUES = {
    f: (row) => row.f,
    s: (row) => FAIL_FIRST[row.s] * 2 + Number(row.m === Number(row.s === ONLY.fail)),  // marginal is between FAIL and PASS
    r: (row) => row.r.join(" "),
    n: (row) => (row.n === null ? null : row.bad * 1e6 + row.n),
    d: (row) => row.d ?? row.p,
    o: (row) => row.o,
    e: (row) => batch.criteria[row.e],
    t: (row) => row.t,
  };

  function compare(a, b) {
    if (a === null || b === null) return 0;
    return typeof a === "number" ? a - b : natural.compare(a, b);
  }

  /** What is not measured comes last in either direction. */
  function sorted(list) {
    if (!order.key) return list;
    const value = VALUES[order.key], sign = order.down ? -1 : 1;
    const keyed = list.map((row) => [value(row) ?? null, row]);
    keyed.sort(([a, x], [b, y]) => (a === null) - (b === null) || sign * compare(a, b) || x.number - y.number);
    return keyed.map(([, row]) => row);
  }

  function update() {
    shown = sorted(rows.filter(holds));
    find("count").textContent = shown.length === rows.length ? `${rows.length}` : `${shown.length} of ${rows.length}`;
    find("nothing").hidden = shown.length > 0;
    for (const button of document.querySelectorAll("[data-status]")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.status) === wanted.status));
    }
    find("only-fail").setAttribute("aria-pressed", String(wanted.status === ONLY.fail));
    for (const head of document.querySelectorAll("th[data-sort]")) {
      if (head.dataset.sort === order.key) head.setAttribute("aria-sort", order.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    body.replaceChildren();
    extend(FIRST_ROWS);
  }

  // --- the address says which pictures are listed and which one is open

  const LISTS = {
    status: [...batch.statuses, "MARGINAL"],
    zone: batch.zones,
    kind: batch.kinds,
    criteria: batch.criteria,
    reason: batch.reasons,
    column: batch.columns.map((column) => column.name),
  };
  const by = find("by"), FIRST_BY = [...by.options].find((option) => option.defaultSelected).value;  // a reload may keep another
  const title = document.title;
  const byAddress = new Map();
  let told = "", typed = false, repeating = false;

  /** What comes back of a text that went into an address: no half of a character can. */
  const addressable = (text) => new URLSearchParams({ text }).get("text");
  const list = (key) => (key === "value" ? batch.columns[wanted.column]?.values ?? [] : LISTS[key]);

  for (const row of rows) {
    row.address = addressable(row.f);
    while (byAddress.has(row.address)) row.address += "'";
    byAddress.set(row.address, row);
  }

  const toPicture = (row) => `#${new URLSearchParams({ picture: row.address })}`;

  function address() {
    const said = new URLSearchParams();
    for (const key of [...Object.keys(LISTS), "value"]) {
      const name = list(key)[wanted[key] === "" ? -1 : wanted[key]];
      if (name !== undefined) said.set(key, name);
    }
    if (wanted.broken) said.set("broken", "yes");
    if (wanted.text) said.set("text", wanted.text);
    if (order.key !== FAILURES_FIRST) said.set("sort", order.key || "batch");
    if (order.down) said.set("down", "yes");
    if (by.value !== FIRST_BY) said.set("by", by.value);
    if (viewer.open && current) said.set("picture", current.address);
    return said.toString();
  }

  const link = () => location.href.split("#")[0] + (told && `#${told}`);

  /** Each state is one step back; what is typed in one go is one, and so is what a held key passes. */
  function tellAddress(typing = false) {
    document.title = viewer.open && current ? `${current.f}, ${title}` : title;
    const next = address(), same = typing && typed;
    if (next === told || repeating) return;
    [told, typed] = [next, typing];
    try {
      history[same ? "replaceState" : "pushState"](null, "", link());
    } catch {
      // a preview without an address of its own: the page works all the same
    }
  }

  function readAddress() {
    const said = new URLSearchParams(location.hash.slice(1)), unknown = [];
    const known = (key, at) => {
      if (said.has(key) && at === -1) unknown.push(`${key} \u201c${said.get(key)}\u201d`);
      return at;
    };
    const place = (key, names) => known(key, said.has(key) ? names.findIndex((name) => addressable(name) === said.get(key)) : -1);
    Object.assign(wanted, ANY, { broken: said.has("broken"), text: said.get("text")?.trim().toLowerCase() ?? "" });
    wanted.status = place("status", LISTS.status);
    for (const key of ["zone", "kind", "criteria", "reason", "column", "value"]) {
      const at = place(key, list(key));
      wanted[key] = at < 0 ? "" : String(at);
    }
    const keys = [...find("sort").options].map((option) => option.value);
    order.key = keys[place("sort", keys.map((key) => key || "batch"))] ?? FAILURES_FIRST;
    order.down = said.has("down");
    by.selectedIndex = place("by", [...by.options].map((option) => option.value));
    if (by.selectedIndex < 0) by.value = FIRST_BY;
    const row = byAddress.get(said.get("picture"));
    known("picture", row ? 0 : -1);
    find("astray").hidden = unknown.length === 0;
    find("astray").textContent = `The address asks for what this page does not have: ${unknown.join(", ")}.`;
    return row;
  }

  /** Shows what the address says, whoever wrote it. */
  function follow() {
    const row = readAddress();
    setControls();
    update();
    if (row) show(row);
    else if (viewer.open) viewer.close();
    [told, typed] = [address(), false];
    tellAddress();
  }

  function setControls() {
    if (find("value").dataset.of !== wanted.column) {
      find("value").replaceChildren(make("option", { value: "" }, "any"), ...options(list("value")));
      find("value").dataset.of = wanted.column;
      find("value").disabled = wanted.column === "";
    }
    for (const id of CHOICES) find(id).value = wanted[id];
    if (find("text").value.trim().toLowerCase() !== wanted.text) find("text").value = wanted.text;
    find("broken").checked = wanted.broken;
    find("sort").value = order.key;
    for (const one of document.querySelectorAll(".grouping")) one.hidden = one.dataset.by !== by.value;
  }

  /** After anything that was pressed. */
  function changed(typing = false) {
    find("astray").hidden = true;
    setControls();
    update();
    tellAddress(typing);
  }

  async function copyLink(button) {
    button.textContent = (await copied(link())) ? "Copied" : "Copy it from the address bar";
    setTimeout(() => { button.textContent = "Copy link"; }, 1500);
  }

  /** Pages without https may not use the clipboard itself. */
  async function copied(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const field = make("textarea", { readonly: true });
      field.value = text;
      (viewer.open ? viewer : document.body).append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      return done;
    }
  }

  // --- the table, made as far as it is looked at

  const body = find("table").tBodies[0];

  function extend(count) {
    const from = body.rows.length;
    body.append(...shown.slice(from, from + count).map(tableRow));
    if (body.rows.length < shown.length) watcher.observe(find("more"));
  }

  const watcher = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watcher.unobserve(find("more"));
    extend(MORE_ROWS);
  }, { rootMargin: "1500px" });

  function thumbnail(row) {
    if (!row.i) return make("span", { class: "face none" });
    return make("img", { class: "face", src: row.i, loading: "lazy", decoding: "async", width: 72, height: 72, alt: "" });
  }

  const badge = (status) => make("span", { class: `badge ${batch.statuses[status]}` }, batch.statuses[status].replace("_", " "));

  const marginal = () => make("span", { class: "marginal" }, "MARGINAL");

  function verdictCell(row) {
    const warned = row.w ? make("div", { class: "sub" }, row.w === 1 ? "1 warning" : `${row.w} warnings`) : "";
    const score = row.c === undefined ? "" : make("div", { class: "sub", title: "of 100; it overrides no criterion" }, `score ${row.c}`);
    return make("td", {}, badge(row.s), row.m ? make("div", {}, marginal()) : "", score, besideGood(row), warned);
  }

  const beside = (status) => status === "NO_REFERENCE" ? "Beside its own symmetry" : "Beside good faces";

  /** What a reference model says, or the symmetry of the face without one, which is another verdict. */
  function besideGood(row) {
    if (!row.a) return "";
    const [status, score] = row.a, limit = score === null ? "" : ` ${score.toFixed(2)}`;
    return make("div", { class: "sub reference", title: `${beside(status)}, 1 the limit; it overrides no criterion` }, `${inWords(status)}${limit}`);
  }

  /** Marks of each zone, those that break a limit told apart. */
  function chips(row) {
    if (row.n === null) return make("span", { class: "sub" }, "not inspected");
    if (!row.n) return make("span", { class: "sub" }, "none");
    const zones = batch.zones.map((name, zone) => [name, zone, row.z.filter((tally) => tally[0] === zone)]);
    return make("span", { class: "chips" }, ...zones.filter(([, , tallies]) => tallies.length).map(chip));
  }

  function chip([name, zone, tallies]) {
    const count = tallies.reduce((sum, tally) => sum + tally[2], 0), bad = tallies.reduce((sum, tally) => sum + tally[3], 0);
    const words = tallies.map((tally) => `${tally[2]} ${batch.kinds[tally[1]]}`).join(", ");
    const title = `${name}: ${words}${bad ? `; ${bad} break a limit` : ""}`;
    return make("span", { class: `chip zone-${batch.letters[zone]}${bad ? " bad" : ""}`, title }, `${batch.letters[zone]} ${count}`);
  }

  function size(value, unit) {
    return value === null || value === undefined ? "" : `${value.toFixed(unit === "px" ? 1 : 2)} ${unit}`;
  }

  /** Where the scale comes from the diameter, only the pixels are measured. */
  function claddingCell(row) {
    if (row.d === null || row.d === undefined) return make("td", { class: "number" }, size(row.p, "px"));
    return make("td", { class: "number" }, size(row.d, "um"), row.q ? make("div", { class: "sub" }, `given, ${size(row.p, "px")}`) : "");
  }

  /** A link, so that it can be opened and copied as any other; a plain press keeps the filters. */
  function toOpen(row, style, ...children) {
    const anchor = make("a", { href: toPicture(row), class: style, title: row.f }, ...children);
    anchor.addEventListener("click", (event) => {
      event.stopPropagation();
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      open(row);
    });
    return anchor;
  }

  const besides = (row) => make("div", { class: "sub clamp", title: row.beside.map((fact) => fact.join(": ")).join("\n") }, row.beside.map(([, text]) => text).join(" \u00b7 "));

  /** The first reason; printed, all of them. */
  function reasonCell(row) {
    const [first, ...others] = row.r, more = others.length;
    const text = make("div", { class: row.s ? "clamp" : "clamp sub", title: row.r.join("\n") }, first);
    return make("td", {}, text, ...(more ? [make("div", { class: "sub how-many" }, `and ${more} more`), make("div", { class: "others" }, others.join("; "))] : []));
  }

  /** The failures of the batch, whatever is filtered. */
  function fillCards() {
    const failed = sorted(rows.filter((row) => row.s === ONLY.fail));
    find("failures").hidden = failed.length === 0;
    find("cards").append(...failed.slice(0, MOST_CARDS).map((row) => make("li", {}, toOpen(row, "card", thumbnail(row),
      make("span", {}, make("strong", { class: "clamp" }, row.f), row.beside.length ? besides(row) : "", badge(row.s), row.m ? " " : "", row.m ? marginal() : "", make("span", { class: "clamp why" }, row.r[0]))))));
    find("all-failures").textContent = failed.length > 1 ? `All ${failed.length} failures` : "In the list";
  }

  function tableRow(row) {
    const name = toOpen(row, "open", row.f);
    const [edition, ...fiberClass] = batch.criteria[row.e].split(" ");
    const line = make("tr", {},
      make("td", {}, thumbnail(row)),
      make("td", {}, name, row.beside.length ? besides(row) : ""),
      verdictCell(row),
      reasonCell(row),
      make("td", {}, chips(row)),
      claddingCell(row),
      make("td", { class: "number" }, size(row.o, "um")),
      make("td", {}, fiberClass.join(" "), make("div", { class: "sub" }, edition)),
      make("td", { class: "sub" }, row.t.slice(0, 16).replace("T", " ")));
    line.addEventListener("click", () => open(row));
    return line;
  }

  // --- the view of one picture

  const viewer = find("viewer"), stage = find("stage"), words = find("words");
  const layers = { photo: true, zones: true, names: true, evidence: false, anomalies: true, kinds: batch.kinds.map(() => true), sources: Object.create(null) };
  let lines = null, current = null, before = null, frame = [0, 0, 1, 1], whole = [0, 0, 1, 1];

  /** Only what is looked at is parsed. */
  function detailsOf(row) {
    lines ??= find("details").textContent.trim().split("\n");
    return JSON.parse(lines[row.number]);
  }

  function open(row) {
    show(row);
    tellAddress();
  }

  function show(row) {
    const details = detailsOf(row);
    current = row;
    if (!viewer.open) {
      before = document.activeElement;
      viewer.showModal();
    }
    find("view-name").textContent = row.f;
    find("view-verdict").replaceChildren(badge(row.s), row.m ? " " : "", row.m ? marginal() : "");
    place();
    drawFace(details);
    tell(row, details);
    find("view-name").focus();
  }

  function place() {
    const at = shown.indexOf(current);
    find("view-place").textContent = at < 0 ? "" : `${at + 1} of ${shown.length}`;
    find("previous").disabled = at <= 0;
    find("next").disabled = at < 0 ? !shown.length : at >= shown.length - 1;
  }

  function step(by) {
    const at = shown.indexOf(current);
    const next = at < 0 ? shown.find((row) => row.number > current.number) ?? shown[0] : shown[at + by];
    if (next) open(next);
  }

  function onlyFail() {
    choose(wanted.status === ONLY.fail ? ONLY.all : ONLY.fail);
    if (!viewer.open) return;
    if (shown.includes(current) || !shown.length) place();
    else step(1);
  }

  function drawFace(details) {
    const [width, height] = details.size[0] === null ? [4, 3] : details.size;
    const picture = details.view || details.drawn, photo = find("photo");
    find("no-picture").hidden = Boolean(picture);
    find("no-picture").textContent = details.size[0] === null ? "The picture could not be read." : "Its picture does not lie beside the report.";
    whole = [-0.5, -0.5, width, height];
    setImage(photo, picture, whole);
    setImage(find("evidence"), details.view && details.evidence, whole);
    const drawn = !details.view && details.drawn;
    if (drawn) measure(details.drawn, current);
    find("layer-zones").replaceChildren(...(drawn ? [] : details.zones.flatMap(zoneShapes)));
    find("layer-marks").replaceChildren(...(drawn ? [] : details.marks.map(markShape).reverse()));
    find("layer-names").replaceChildren(...(drawn ? [] : details.marks.map(markName)));
    find("layer-sources").replaceChildren(...(drawn ? [] : sourceShapes(details)));
    find("layer-anomalies").replaceChildren(...(drawn || !details.departs ? [] : details.departs.places.map(placeShape).reverse()));
    fillLayers(details, drawn);
    look(whole);
  }

  /** The annotated picture has a panel below, so that only the file knows its size. */
  function measure(source, row) {
    const image = new Image();
    image.addEventListener("load", () => {
      if (current !== row) return;
      whole = [0, 0, image.naturalWidth, image.naturalHeight];
      setImage(find("photo"), source, whole);
      look(whole);
    });
    image.src = source;
  }

  function setImage(element, source, [x, y, width, height]) {
    for (const [key, value] of Object.entries({ x, y, width, height })) element.setAttribute(key, value);
    if (source) element.setAttribute("href", source);
    else element.removeAttribute("href");
  }

  function zoneShapes([letter, name, cx, cy, rx, ry, angle]) {
    const at = { cx, cy, rx, ry, transform: `rotate(${angle} ${cx} ${cy})` };
    const shape = draw("ellipse", { class: `zone-${letter}`, ...at }, draw("title", {}, `Zone ${letter}, ${name}`));
    const r = (rx + ry) / 2, t = batch.name_deg[letter] * Math.PI / 180;
    const name_at = `translate(${cx + r * Math.cos(t)} ${cy - r * Math.sin(t)})`;
    const letterShape = draw("g", { class: `zone-name zone-${letter}`, transform: name_at }, draw("circle", {}), draw("text", {}, letter));
    return [draw("ellipse", { class: "halo", "stroke-width": 4, ...at }), shape, letterShape];
  }

  function markShape(mark) {
    const paths = ["halo", "line", "hit"].map((style) => draw("path", { class: style, d: mark.path }));
    const title = draw("title", {}, `${mark.id}: ${batch.kinds[mark.kind]}, ${batch.zones[mark.zone]}`);
    const group = draw("g", { class: mark.state, "data-id": mark.id, "data-kind": mark.kind }, title, ...paths);
    group.addEventListener("click", () => pick(mark, false));
    return group;
  }

  const SOURCE_COLOURS = 7;  // then they begin again, with broken lines
  const sourceStyle = (number) => `source-${number % SOURCE_COLOURS}${number >= SOURCE_COLOURS ? " again" : ""}`;

  /** The outlines as each source reported them; of a mark that is just that one, its own. */
  function sourceShapes(details) {
    if (!details.who) return [];
    const own = new Map(details.marks.map((mark) => [mark.id, mark.path]));
    const groups = details.who.sources.map(([key], number) => draw("g", { class: sourceStyle(number), "data-source": key }));
    for (const [id, members] of Object.entries(details.who.marks)) {
      for (const [number, , path] of members) {
        if (path !== "") groups[number].append(...["halo", "line"].map((style) => draw("path", { class: style, d: path || own.get(id) })));
      }
    }
    return groups;
  }

  /** A place that departs from good faces, with its name; the worst are drawn last. */
  function placeShape(place) {
    const paths = ["halo", "line", "hit"].map((style) => draw("path", { class: style, d: place.path }));
    const title = draw("title", {}, `${place.id}: ${place.title}, ${place.zone}, ${place.score.toFixed(2)} of the limit`);
    const name = draw("text", { x: place.name[0], y: place.name[1] }, ` ${place.id}`);
    const group = draw("g", { class: `severity-${place.severity}`, "data-place": place.id }, title, ...paths, name);
    group.addEventListener("click", () => pick(place, false));
    return group;
  }

  /** Beside the mark; the names of those that no limit counts would hide the face. */
  function markName(mark) {
    const name = draw("text", { x: mark.name[0], y: mark.name[1] }, mark.state === "free" ? "" : ` ${mark.id}`);
    return draw("g", { class: mark.state, "data-kind": mark.kind }, name);
  }

  function fillLayers(details, drawn) {
    const box = (key, title, get, set, extra = "") => {
      const input = make("input", { type: "checkbox", "data-layer": key });
      input.checked = get();
      input.addEventListener("change", () => { set(input.checked); applyLayers(); });
      return make("label", {}, input, title, extra);
    };
    const simple = (key, title, extra) => box(key, title, () => layers[key], (on) => { layers[key] = on; }, extra);
    const sourceBox = ([key, marks], number) => {
      const title = make("span", { class: "name", title: key }, key);
      const label = box(`source-${number}`, title, () => Boolean(layers.sources[key]), (on) => { layers.sources[key] = on; }, ` (${marks})`);
      label.querySelector("input").after(make("span", { class: `swatch ${sourceStyle(number)}` }));
      return label;
    };
    const kinds = batch.kinds.map((title, kind) => [title, kind, details.marks.filter((mark) => mark.kind === kind).length]);
    const boxes = [
      details.zones.length ? simple("zones", "Zones") : null,
      ...kinds.filter(([, , count]) => count).map(([title, kind, count]) =>
        box(`kind-${kind}`, `${title} (${count})`, () => layers.kinds[kind], (on) => { layers.kinds[kind] = on; })),
      details.marks.length ? simple("names", "Names") : null,
      details.departs?.places.length ? simple("anomalies", "Anomalies", ` (${details.departs.places.length})`) : null,
      details.evidence ? simple("evidence", "Confidence map", make("span", { class: "ramp", title: "weak, just a mark, strong" })) : null,
      details.view ? simple("photo", "Picture") : null,
      ...(details.who?.outlines ? details.who.sources.map(sourceBox) : []),
    ];
    find("layers").replaceChildren(...(drawn ? [] : boxes.filter(Boolean)));
    applyLayers();
  }

  function applyLayers() {
    const visible = (element, on) => element.setAttribute("visibility", on ? "visible" : "hidden");
    visible(find("photo"), layers.photo);
    visible(find("evidence"), layers.evidence);
    visible(find("layer-zones"), layers.zones);
    visible(find("layer-anomalies"), layers.anomalies);
    for (const group of stage.querySelectorAll("[data-kind]")) {
      const on = layers.kinds[Number(group.dataset.kind)];
      visible(group, group.parentNode.id === "layer-names" ? on && layers.names : on);
    }
    for (const group of stage.querySelectorAll("[data-source]")) visible(group, Boolean(layers.sources[group.dataset.source]));
  }

  /** The outlines of all sources of the face that is shown. */
  function toggleSources() {
    const boxes = [...find("layers").querySelectorAll("input[data-layer^=source-]")], on = !boxes.some((input) => input.checked);
    for (const input of boxes) input.checked = on;
    for (const group of stage.querySelectorAll("[data-source]")) layers.sources[group.dataset.source] = on;
    applyLayers();
  }

  function toggle(key) {
    const on = key === "marks" ? !layers.kinds.some(Boolean) : !layers[key];
    if (key === "marks") layers.kinds.fill(on);
    else layers[key] = on;
    for (const input of find("layers").querySelectorAll("input")) {
      const name = input.dataset.layer;
      if (name === key || (key === "marks" && name.startsWith("kind-"))) input.checked = on;
    }
    applyLayers();
  }

  // --- zoom and pan: the frame is what is seen, in pixels of the picture

  function look(next) {
    frame = next;
    stage.setAttribute("viewBox", frame.join(" "));
    const box = stage.getBoundingClientRect();
    const unit = box.width && box.height ? Math.max(frame[2] / box.width, frame[3] / box.height) : 1;
    stage.style.setProperty("--unit", unit);
  }

  /** Closer or farther, what lies below the point stays there. */
  function zoom(factor, x = frame[0] + frame[2] / 2, y = frame[1] + frame[3] / 2) {
    const width = Math.min(Math.max(frame[2] * factor, whole[2] / 60), whole[2] * 2), by = width / frame[2];
    look([x - (x - frame[0]) * by, y - (y - frame[1]) * by, width, frame[3] * by]);
  }

  function pointed(event) {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(stage.getScreenCTM().inverse());
    return [point.x, point.y];
  }

  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(Math.sign(event.deltaY) * 0.2), ...pointed(event));
  }, { passive: false });

  let held = null;
  stage.addEventListener("pointerdown", (event) => {
    held = event.button === 0 ? { at: pointed(event), x: event.clientX, y: event.clientY, moved: false } : null;
  });
  stage.addEventListener("pointermove", (event) => {
    if (!held || !event.buttons) return;
    if (!held.moved && Math.hypot(event.clientX - held.x, event.clientY - held.y) < 4) return;
    if (!held.moved) stage.setPointerCapture(event.pointerId);
    held.moved = true;
    const [x, y] = pointed(event);
    look([frame[0] + held.at[0] - x, frame[1] + held.at[1] - y, frame[2], frame[3]]);
  });
  stage.addEventListener("pointerup", () => { held = null; });
  stage.addEventListener("dblclick", (event) => zoom(0.4, ...pointed(event)));

  function pick(mark, closer) {
    for (const line of words.querySelectorAll("tr.pick")) line.classList.toggle("picked", line.dataset.id === mark.id);
    const line = words.querySelector("tr.picked");
    if (line) line.scrollIntoView({ block: "nearest" });
    stage.querySelector("circle.target")?.remove();
    const r = mark.r + whole[2] / 80;
    find("layer-marks").append(draw("circle", { class: "target", cx: mark.at[0], cy: mark.at[1], r }));
    if (!closer) return;
    const width = Math.min(Math.max(mark.r * 6, whole[2] / 8), whole[2]), height = width * whole[3] / whole[2];
    look([mark.at[0] - width / 2, mark.at[1] - height / 2, width, height]);
  }

  // --- the words beside it

  function tell(row, details) {
    const parts = [];
    const section = (title, ...content) => parts.push(make("h3", {}, title), ...content);
    const list = (texts, style) => make("ul", { class: style }, ...texts.map((text) => make("li", {}, text)));
    if (details.who) section("Verdict and score", ...verdictAndScore(row, details.who));
    if (details.reasons.length) section("Why", list(details.reasons, "reasons"));
    if (details.closest) section("Closest limit", make("p", {}, details.closest));
    if (details.doubts.length) section("Marginal: within the uncertainty", list(details.doubts, "doubts"));
    if (details.warnings.length) section("Warnings", list(details.warnings, "warnings"));
    if (details.departs) section(beside(details.departs.status), ...departures(details.departs));
    if (details.marks.length) section(`Marks (${details.marks.length})`, marksTable(details.marks, details.checks, details.who));
    else if (details.zones.length) section("Marks", make("p", {}, "None was found."));
    if (details.outermost) parts.push(make("p", { class: "small" }, `Nothing is sought beyond zone ${details.outermost}.`));
    if (details.who) section("Who found what", ...sourcesTable(details.who));
    if (details.checks.length) section("Limits held", checksTable(details.checks));
    section("Files", make("p", { class: "links" }, ...details.links.map(([title, href]) => make("a", { href, target: "_blank", rel: "noopener" }, title))));
    section("Measured", make("dl", { class: "facts" }, ...details.facts.flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)])));
    words.replaceChildren(...parts);
    words.scrollTop = 0;
  }

  const heading = (...names) => make("thead", {}, make("tr", {}, ...names.map((name) => make("th", { scope: "col" }, name))));

  /** Of a face from several detections: both, named, for they may say different things. */
  function verdictAndScore(row, who) {
    const parts = [make("p", {}, badge(row.s), " by the acceptance criteria")];
    if (who.score === null) return parts;
    const says = who.passed === null ? "" : who.passed ? ", passes" : ", fails";
    const reasons = who.reasons.length ? `: ${who.reasons.join("; ")}` : "";
    return [...parts, make("p", { class: "score" }, make("strong", {}, `Score ${who.score} of 100${says}`), `${reasons}. It overrides no criterion.`)];
  }

  /** Status and score by a reference model, and the places that depart. */
  function departures(departs) {
    const limit = departs.score === null ? "" : ` ${departs.score.toFixed(2)} of the limit`;
    const whole = departs.whole === null ? "" : `, as a whole ${departs.whole.toFixed(2)}`;
    const parts = [make("p", { class: "reference" }, make("strong", {}, `${inWords(departs.status)}${limit}`), `${whole}. It overrides no criterion.`)];
    if (departs.reasons.length) parts.push(make("ul", { class: "reasons" }, ...departs.reasons.map((text) => make("li", {}, text))));
    if (departs.places.length) parts.push(make("table", { class: "places" }, heading("Place", "Zone", "Diameter", "Departs"), make("tbody", {}, ...departs.places.map(placeLine))));
    return [...parts, make("p", { class: "small" }, departs.model ? `Model ${departs.model}` : "No model")];
  }

  function placeLine(place) {
    const go = make("button", { type: "button", class: "go" }, place.id);
    const line = make("tr", { class: "pick", "data-id": place.id },
      make("td", {}, make("span", { class: `swatch severity-${place.severity}` }), go, make("div", { class: "sub" }, place.title)),
      make("td", {}, place.zone),
      make("td", {}, make("span", { class: "sizes" }, place.size), place.marks.length ? make("div", { class: "sub" }, `marks ${place.marks.join(", ")}`) : ""),
      make("td", {}, `${place.score.toFixed(2)} of the limit`, make("div", { class: "sub" }, `${place.severity.toLowerCase()}, confidence ${place.confidence}`)));
    line.addEventListener("click", () => pick(place, true));
    return line;
  }

  function sourcesTable(who) {
    const lines = who.sources.map(([key, marks, alone, without, flips], number) => make("tr", {},
      make("td", {}, make("span", { class: `swatch ${sourceStyle(number)}` }), make("span", { class: "source" }, key)),
      make("td", {}, `${marks}, ${alone} alone`),
      make("td", { class: flips ? "verdict-broken" : "" }, without ? `${without.replace("_", " ")}${flips ? ", decides it" : ""}` : "\u2013")));
    const table = make("table", { class: "sources" }, heading("Source", "Marks", "Verdict without it"), make("tbody", {}, ...lines));
    const note = "The outlines of the sources are not in this page: they would make it larger than report_embed_max_mb allows. They are in Sources (JSON).";
    return who.outlines ? [table] : [table, make("p", { class: "small" }, note)];
  }

  /** Who saw a mark, and what it is called there. */
  function seenBy(mark, who) {
    const members = who?.marks[mark.id];
    if (!Array.isArray(members)) return "";
    const count = new Set(members.map(([number]) => number)).size;
    const names = members.map(([number, id]) => `${who.sources[number][0]} (${id})`).join(", ");
    return make("div", { class: "sub seen" }, `${count} of ${who.sources.length} sources: ${names}`);
  }

  function marksTable(marks, checks, who) {
    const head = heading("Mark", "Zone", `Length, width, diameter (${marks[0].unit})`, "Measured against its limit");
    return make("table", {}, head, make("tbody", {}, ...marks.map((mark) => markLine(mark, checks, who))));
  }

  function markLine(mark, checks, who) {
    const go = make("button", { type: "button", class: "go" }, mark.id);
    const line = make("tr", { class: `pick ${mark.state}`, "data-id": mark.id },
      make("td", {}, go, make("div", { class: "sub" }, mark.title)),
      make("td", {}, batch.zones[mark.zone]),
      make("td", {}, make("span", { class: "sizes" }, mark.sizes.join(" / ")), make("div", { class: "sub", title: mark.by }, `confidence ${mark.confidence}`), seenBy(mark, who)),
      make("td", {}, ...limitWords(mark, checks)));
    line.addEventListener("click", () => pick(mark, true));
    return line;
  }

  function limitWords(mark, checks) {
    const limit = mark.limit;
    if (!limit) return [make("span", { class: "sub" }, mark.unit === "px" ? "no scale" : "no limit")];
    const check = checks[limit.check], broken = check.broken && Boolean(limit.counts);
    const found = limit.counts ? `${check.count} found, ` : "";
    return [
      make("div", { class: broken ? "verdict-broken" : "" }, limit.measured),
      make("div", { class: "sub" }, `${check.rule}: ${found}${check.allowed}`),
      gauge(limit.share, broken),
    ];
  }

  /** How much of what breaks the limit is there; the line is where it breaks. */
  function gauge(share, broken) {
    const used = Math.min(share, 1.5) / 1.5 * 100, end = 100 / 1.5;
    return draw("svg", { class: "gauge", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
      draw("rect", { class: "all", width: 100, height: 8 }),
      draw("rect", { class: broken ? "used broken" : "used", width: used, height: 8 }),
      draw("path", { class: "end", d: `M${end} 0V8` }));
  }

  function checksTable(checks) {
    const lines = checks.map((check) => make("tr", { class: check.broken ? "broken" : "" },
      make("td", {}, check.zone),
      make("td", {}, check.rule, check.marks.length ? make("div", { class: "sub" }, check.marks.join(" ")) : ""),
      make("td", { class: check.broken ? "verdict-broken" : "" }, `${check.count}, ${check.allowed}`),
      make("td", {}, check.margin, gauge(check.share, check.broken))));
    return make("table", {}, heading("Zone", "Limit", "Found", "Margin"), make("tbody", {}, ...lines));
  }

  // --- what is pressed

  const CHOICES = ["zone", "kind", "criteria", "reason", "column", "value"];

  const options = (names) => names.map((name, value) => make("option", { value }, name || "none given"));

  function choose(status) {
    wanted.status = status;
    changed();
  }

  /** Pictures of one kind alone, brought into sight. */
  function only(filters) {
    Object.assign(wanted, filters);
    changed();
    find("images-title").scrollIntoView();
  }

  for (const id of CHOICES) {
    if (id !== "value") find(id).append(...options(id === "column" ? batch.columns.map((column) => column.title) : LISTS[id]));
    find(id).addEventListener("change", () => {
      wanted[id] = find(id).value;
      if (id === "column") wanted.value = "";
      changed();
    });
  }
  find("sort").append(make("option", { value: FAILURES_FIRST }, "failures first"), make("option", { value: "" }, "of the batch"),
    ...[...document.querySelectorAll("th[data-sort]")].filter((head) => head.dataset.sort !== FAILURES_FIRST)
      .map((head) => make("option", { value: head.dataset.sort }, head.dataset.title)));
  find("sort").addEventListener("change", () => { Object.assign(order, { key: find("sort").value, down: false }); changed(); });
  find("broken").addEventListener("change", () => { wanted.broken = find("broken").checked; changed(); });
  find("text").addEventListener("input", (event) => { wanted.text = event.target.value.trim().toLowerCase(); changed(true); });
  find("clear").addEventListener("click", () => { Object.assign(wanted, ANY); changed(); });
  by.addEventListener("change", () => changed());
  find("all-failures").addEventListener("click", () => only({ ...ANY, status: ONLY.fail }));
  for (const button of document.querySelectorAll("[data-status]")) {
    button.addEventListener("click", () => {
      choose(Number(button.dataset.status));
      if (button.classList.contains("tile")) find("images-title").scrollIntoView();
    });
  }
  for (const button of document.querySelectorAll("[data-reason]")) {
    button.addEventListener("click", () => only({ reason: String(batch.reasons.indexOf(button.dataset.reason)) }));
  }
  for (const button of document.querySelectorAll("[data-of]")) {
    const { of, column, value } = button.dataset;
    const filters = of === "column" ? { column, value } : { status: ONLY.fail, broken: true, [of]: value };
    button.addEventListener("click", () => only({ ...ANY, ...filters }));
  }
  for (const button of document.querySelectorAll(".copy")) button.addEventListener("click", () => copyLink(button));
  for (const head of document.querySelectorAll("th[data-sort]")) {
    head.addEventListener("click", () => {
      order.down = order.key === head.dataset.sort && !order.down;
      order.key = head.dataset.sort;
      changed();
    });
  }
  for (const input of document.querySelectorAll(".map-kind")) {
    input.addEventListener("change", () => {
      for (const path of document.querySelectorAll(`.marks.${input.dataset.kind}`)) path.setAttribute("visibility", input.checked ? "visible" : "hidden");
    });
  }
  find("all-reasons")?.addEventListener("click", (event) => {
    document.querySelector(".pareto ol").classList.add("open");
    event.target.remove();
  });
  find("previous").addEventListener("click", () => step(-1));
  find("next").addEventListener("click", () => step(1));
  find("only-fail").addEventListener("click", onlyFail);
  find("close").addEventListener("click", () => viewer.close());
  find("closer").addEventListener("click", () => zoom(0.7));
  find("farther").addEventListener("click", () => zoom(1 / 0.7));
  find("whole").addEventListener("click", () => look(whole));
  find("keys-button").addEventListener("click", () => find("keys").showModal());
  viewer.addEventListener("close", () => {
    const number = shown.indexOf(current);
    if (number >= body.rows.length) extend(number + 1 - body.rows.length);
    const line = body.rows[number];
    if (line) line.scrollIntoView({ block: "nearest" });
    (line?.querySelector(".open") ?? before)?.focus();
    tellAddress();
  });
  window.addEventListener("resize", () => { if (viewer.open) look(frame); });
  window.addEventListener("beforeprint", () => extend(shown.length));

  const KEYS = {
    n: () => step(1), ArrowRight: () => step(1), p: () => step(-1), ArrowLeft: () => step(-1),
    "+": () => zoom(0.7), "=": () => zoom(0.7), "-": () => zoom(1 / 0.7), 0: () => look(whole),
    z: () => toggle("zones"), m: () => toggle("marks"), c: () => toggle("evidence"), s: toggleSources,
    a: () => toggle("anomalies"),
  };

  window.addEventListener("hashchange", follow);
  const released = (event) => {
    if (!repeating) return;
    repeating = false;
    tellAddress(event.target === find("text"));
  };
  document.addEventListener("keyup", released);
  window.addEventListener("blur", released);
  document.addEventListener("keydown", (event) => {
    repeating = event.repeat;
    const typing = event.target.matches("input[type=search], select");
    if (event.ctrlKey || event.metaKey || event.altKey || typing || find("keys").open) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key === "f") onlyFail();
    else if (key === "?") find("keys").showModal();
    else if (viewer.open && KEYS[key]) KEYS[key]();
    else if (!viewer.open && key === "/") find("text").focus();
    else if (!viewer.open && (key === "n" || key === "p")) moveFocus(key === "n" ? 1 : -1);
    else return;
    event.preventDefault();
  });

  /** From row to row in the table. */
  function moveFocus(by) {
    const at = [...body.rows].indexOf(document.activeElement.closest?.("tbody tr"));
    body.rows[Math.max(0, at + by)]?.querySelector(".open").focus();
  }

  fillCards();
  follow();
  if (Object.keys(ANY).some((key) => wanted[key] !== ANY[key])) find("images-title").scrollIntoView();
  document.documentElement.dataset.ready = "yes";
})();
