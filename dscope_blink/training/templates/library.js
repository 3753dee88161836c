"use strict";
(() => {
  const ID = 0, FILE = 1, PICTURE = 2, KIND = 3, CLUSTER = 4, NAME = 5, TIER = 6, ZONE = 7, WIDTH = 8, HEIGHT = 9,
    X = 10, Y = 11, SCORE = 12, SIZE = 13, DOUBTS = 14, LASTS = 15, BY = 16;
  const AT_ONCE = 120, NEAREST = 12, NEAR_PX = 12, LARGEST_ZOOM = 8;
  const COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#8a7300", "#5b3a8c", "#7f3b08", "#4d4d4d", "#35978f", "#c51b7d"];
  const NOISE_COLOUR = "#b4bcc3";
  const find = (id) => document.getElementById(id);
  const set = JSON.parse(find("data").textContent);
  const marks = set.marks;

  /** An element; a text child is text, whatever is in it. */
  function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  const word = (words, number) => (number === null ? "not known" : words[number]).replace("_", " ");
  const size = (mark) => (mark[SIZE] === null ? "no scale" : `${mark[SIZE].toPrecision(3)} µm`);
  const clusterName = (number) => (number === null ? "none" : number < 0 ? "like no others" : `${number}: ${set.types.clusters[number][1].replace("_", " ")}`);

  function picture(mark, attributes = {}) {
    const large = Math.max(mark[WIDTH], mark[HEIGHT]) > 200;
    return make("img", { src: mark[FILE], loading: "lazy", decoding: "async", width: mark[WIDTH], height: mark[HEIGHT], alt: `${word(set.kinds, mark[KIND])} ${mark[ID]}`, class: large ? "large" : "small-patch", ...attributes });
  }

  // --- the marks

  const filters = find("filters"), cards = find("cards");
  let shown = [], drawn = 0;

  function options(name, all, words) {
    const select = filters.elements[name];
    select.append(make("option", { value: "" }, all), ...words.map(([value, text]) => make("option", { value }, text)));
  }

  function counted(column, words) {
    const counts = new Map();
    for (const mark of marks) counts.set(mark[column], (counts.get(mark[column]) ?? 0) + 1);
    const known = words.map((text, value) => [value, text.replace("_", " ")]);
    return [...known, [null, "not known"]].filter(([value]) => counts.has(value)).map(([value, text]) => [String(value), `${text} (${counts.get(value)})`]);
  }

  options("kind", "all types", counted(KIND, set.kinds));
  options("tier", "all", counted(TIER, set.tiers));
  options("zone", "all zones", counted(ZONE, set.zones));
  options("lasts", "either", counted(LASTS, set.lasting));
  const numbers = [...new Set(marks.map((mark) => mark[CLUSTER]))].filter((number) => number !== null).sort((a, b) => a - b);
  options("cluster", "all clusters", numbers.map((number) => [String(number), clusterName(number)]));
  find("doubtful").textContent = marks.filter((mark) => mark[DOUBTS].length).length;

  const COLUMNS = { kind: KIND, cluster: CLUSTER, tier: TIER, zone: ZONE, lasts: LASTS };
  const ORDERS = {
    severe: (a, b) => (b[SCORE] ?? -1) - (a[SCORE] ?? -1),
    large: (a, b) => (b[SIZE] ?? -1) - (a[SIZE] ?? -1),
    small: (a, b) => (a[SIZE] ?? Infinity) - (b[SIZE] ?? Infinity),
  };

  function choose() {
    const wanted = new FormData(filters);
    const asked = Object.entries(COLUMNS).filter(([name]) => wanted.get(name)).map(([name, column]) => [column, wanted.get(name)]);
    const words = (wanted.get("text") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    shown = marks.filter((mark) => {
      if (wanted.get("doubt") && !mark[DOUBTS].length) return false;
      if (!asked.every(([column, value]) => String(mark[column]) === value)) return false;
      if (!words.length) return true;
      const text = `${mark[ID]} ${set.pictures[mark[PICTURE]]}`.toLowerCase();
      return words.every((one) => text.includes(one));
    });
    const order = ORDERS[wanted.get("order")];
    if (wanted.get("doubt")) shown.sort((a, b) => b[DOUBTS].length - a[DOUBTS].length || (order ?? ORDERS.severe)(a, b));
    else if (order) shown.sort(order);
    find("count").textContent = shown.length === marks.length ? `${marks.length} marks` : `${shown.length} of ${marks.length} marks`;
    find("empty").hidden = shown.length > 0;
    cards.replaceChildren();
    drawn = 0;
    more();
  }

  function card(mark, place) {
    const doubts = mark[DOUBTS].length;
    const parts = [
      picture(mark),
      make("span", { class: "kind" }, word(set.kinds, mark[KIND])),
      make("span", { class: "said" }, [size(mark), word(set.zones, mark[ZONE]), mark[TIER] === null ? "" : set.tiers[mark[TIER]]].filter(Boolean).join(", ")),
      make("span", { class: "said" }, mark[CLUSTER] === null ? mark[ID] : `cluster ${clusterName(mark[CLUSTER])}`),
    ];
    if (doubts) parts.push(make("span", { class: "doubt" }, doubts === 1 ? "worth a look" : `worth a look: ${doubts} reasons`));
    const button = make("button", { type: "button", class: `card kind-${set.kinds[mark[KIND]]}`, title: mark[ID] }, ...parts);
    button.addEventListener("click", () => open(shown, place));
    return button;
  }

  function more() {
    const next = shown.slice(drawn, drawn + AT_ONCE);
    cards.append(...next.map((mark, k) => card(mark, drawn + k)));
    drawn += next.length;
    find("more").hidden = drawn >= shown.length;
  }

  filters.addEventListener("input", choose);
  filters.addEventListener("reset", () => setTimeout(choose));
  filters.addEventListener("submit", (event) => event.preventDefault());
  find("more").addEventListener("click", more);

  // --- one mark

  const dialog = find("one");
  let among = [], at = 0;

  function open(list, place) {
    [among, at] = [list, place];
    const mark = among[at];
    find("one-title").textContent = `${word(set.kinds, mark[KIND])} ${mark[ID]}`;
    const zoom = Math.max(1, Math.min(LARGEST_ZOOM, Math.floor(420 / Math.max(mark[WIDTH], mark[HEIGHT]))));
    const image = find("one-patch");
    image.src = mark[FILE];
    [image.width, image.height] = [mark[WIDTH] * zoom, mark[HEIGHT] * zoom];
    image.alt = `patch of ${mark[WIDTH]} x ${mark[HEIGHT]} pixels`;
    const facts = [
      ["Picture", set.pictures[mark[PICTURE]]],
      ["Label", `${word(set.kinds, mark[KIND])}, by ${mark[BY]}`],
      ["Cluster", clusterName(mark[CLUSTER])],
      ["Size", size(mark)],
      ["Zone", word(set.zones, mark[ZONE])],
      ["Severity", mark[TIER] === null ? "not known without a scale" : `${set.tiers[mark[TIER]]}, score ${mark[SCORE]}`],
      ["Lasts", word(set.lasting, mark[LASTS])],
      ["Shown", zoom === 1 ? "at full scale" : `up to ${zoom} times as large`],
      ...mark[DOUBTS].map((doubt) => ["Worth a look", doubt]),
    ];
    find("one-facts").replaceChildren(...facts.flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]));
    find("before").disabled = at === 0;
    find("after").disabled = at === among.length - 1;
    if (!dialog.open) dialog.showModal();
  }

  const step = (by) => among[at + by] && open(among, at + by);
  find("before").addEventListener("click", () => step(-1));
  find("after").addEventListener("click", () => step(1));
  find("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });

  // --- the clusters

  const clusterColour = (number) => (number < 0 ? NOISE_COLOUR : COLOURS[number % COLOURS.length]);
  const style = getComputedStyle(document.documentElement);
  const kindColours = set.kinds.map((kind) => (kind === "other" ? "#55636e" : style.getPropertyValue(`--${kind}`)));
  const placed = marks.filter((mark) => mark[X] !== null);

  function bounds(column) {
    const values = Float64Array.from(placed, (mark) => mark[column]).sort();
    const [low, high] = [values[0], values[values.length - 1]];
    return [low, Math.max(high - low, 1e-9)];
  }

  function map() {
    const canvas = find("map"), paper = canvas.getContext("2d");
    const [left, across] = bounds(X), [low, up] = bounds(Y);
    const to = (mark) => [20 + ((mark[X] - left) / across) * (canvas.width - 40), canvas.height - 20 - ((mark[Y] - low) / up) * (canvas.height - 40)];
    const byKind = find("colours").value === "kind";
    paper.clearRect(0, 0, canvas.width, canvas.height);
    paper.globalAlpha = placed.length > 3000 ? 0.4 : 0.75;
    for (const mark of placed) {
      const [x, y] = to(mark);
      paper.fillStyle = byKind ? kindColours[mark[KIND]] : clusterColour(mark[CLUSTER]);
      paper.beginPath();
      paper.arc(x, y, placed.length > 3000 ? 2.5 : 4, 0, 7);
      paper.fill();
    }
    const kinds = [...new Set(placed.map((mark) => mark[KIND]))].sort((a, b) => a - b);
    const entries = byKind ? kinds.map((kind) => [kindColours[kind], word(set.kinds, kind)]) : numbers.map((number) => [clusterColour(number), clusterName(number)]);
    find("legend").replaceChildren(...entries.map(([colour, text]) => {
      const dot = make("i");
      dot.style.background = colour;
      return make("li", {}, dot, text);
    }));
    canvas.onclick = (event) => {
      const scale = canvas.width / canvas.clientWidth;
      const [x, y] = [event.offsetX * scale, event.offsetY * scale];
      let best = -1, least = (NEAR_PX * scale) ** 2;
      placed.forEach((mark, k) => {
        const [a, b] = to(mark), far = (a - x) ** 2 + (b - y) ** 2;
        if (far < least) [best, least] = [k, far];
      });
      if (best >= 0) open(placed, best);
    };
  }

  function table(element, head, rows, chosen = -1) {
    element.replaceChildren(
      make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)))),
      make("tbody", {}, ...rows.map((cells, k) => make("tr", k === chosen ? { class: "chosen" } : {}, ...cells))),
    );
    return element;
  }

  const cells = (values) => values.map((value, k) => make(k ? "td" : "th", k ? {} : { scope: "row" }, String(value)));

  function typical(number) {
    const mine = placed.filter((mark) => mark[CLUSTER] === number);
    const middle = [X, Y].map((column) => mine.reduce((sum, mark) => sum + mark[column], 0) / Math.max(mine.length, 1));
    const far = (mark) => (mark[X] - middle[0]) ** 2 + (mark[Y] - middle[1]) ** 2;
    return [mine.length, mine.sort((a, b) => far(a) - far(b)).slice(0, NEAREST)];
  }

  function clusterPart([number, name, rule, fitted, centroid]) {
    const [count, some] = typical(number);
    const only = make("button", { type: "button" }, "Show its marks");
    only.addEventListener("click", () => {
      filters.reset();
      filters.elements.cluster.value = String(number);
      setTimeout(() => { filters.elements.cluster.value = String(number); choose(); find("marks").scrollIntoView(); });
    });
    const strip = some.map((mark, place) => {
      const button = make("button", { type: "button", title: mark[ID] }, picture(mark));
      button.addEventListener("click", () => open(some, place));
      return button;
    });
    const features = set.types.features.map(([feature, meaning], k) => make("span", { title: meaning }, `${feature} `, make("b", {}, centroid[k] === null ? "not measured" : String(centroid[k]))));
    return make("article", { class: "cluster" },
      make("header", {}, make("h3", {}, `Cluster ${number}: ${name.replace("_", " ")}`), make("span", {}, `${count} marks, fitted on ${fitted}`), make("span", { class: "small" }, rule), only),
      make("div", { class: "strip" }, ...strip),
      make("div", { class: "features" }, ...features));
  }

  function agreement(one) {
    const head = ["type", ...one.clusters.map(([number]) => clusterName(number)), "all"];
    const rows = one.rows.map(([kind, counts]) => [
      make("th", { scope: "row" }, kind.replace("_", " ")),
      ...counts.map((count, k) => make("td", { class: one.clusters[k][1] === kind ? "match" : count ? "some" : "none" }, String(count))),
      make("td", {}, String(counts.reduce((sum, count) => sum + count, 0))),
    ]);
    const said = `The inferred name is the type of ${(100 * one.agree).toFixed(0)} % of the marks; purity ${one.purity.toFixed(2)}, adjusted Rand index ${one.rand === null ? "not defined" : one.rand.toFixed(2)}.`;
    return make("div", {}, make("h3", {}, `Against ${one.against}`), make("p", { class: "small" }, said), make("div", { class: "wide" }, table(make("table"), head, rows)));
  }

  function clusters() {
    const types = set.types;
    find("clustered").textContent = types === null ? "There are too few marks to put together by their features." : `By ${types.algorithm.replace("_", "-")}, fitted on ${types.fitted}.`;
    find("cluster-parts").hidden = types === null;
    find("agreement").hidden = types === null || !set.tables.length;
    if (types === null) return;
    find("map-says").textContent = `The two directions in which the scaled features vary most: ${types.shares.map((share) => `${(100 * share).toFixed(0)} %`).join(" and ")} of the variance. Click a point to see its mark.`;
    table(find("trials"), ["algorithm", "parameter", "clusters", "like no others", "silhouette", "stability", "score"],
      types.trials.map((row) => cells(row.map((value, k) => (k === 0 ? value.replace("_", "-") : value)))), types.trials.findIndex((row) => row[0] === types.algorithm));
    find("rules").replaceChildren(...types.rules.map((rule) => make("li", {}, rule)));
    find("cluster-list").replaceChildren(...types.clusters.map(clusterPart));
    find("tables").replaceChildren(...set.tables.map(agreement));
    find("colours").addEventListener("input", map);
    if (placed.length) map();
  }

  choose();
  clusters();
  document.documentElement.dataset.ready = "yes";
})();
