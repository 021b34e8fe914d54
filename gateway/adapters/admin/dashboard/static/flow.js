// The picture of the flow: queue, gateway, versions; one dot for each message, or for some of them.
// A message that fails comes back as a diamond. Without motion the dots stand on the lines.
import { h } from "./render.js";
import { count, percent, rate, shareSet } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const MOST_DOTS = 24; // begun in a second, all versions together
const CROSSING_MS = 1500;
const FAILED_MS = 2600;
const still = matchMedia("(prefers-reduced-motion: reduce)");

const cut = (text, width) => {
  const most = Math.max(4, Math.floor(width / 7.3));
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
};

function layout(width, versions) {
  const narrow = width < 560;
  const high = 64;
  const height = Math.max(96, versions * (high + 14) + 10);
  const side = narrow ? Math.floor(width * 0.24) : 150;
  const last = narrow ? Math.floor(width * 0.38) : 218;
  const middle = height / 2;
  const box = (x, y, wide) => ({ x, y: y - high / 2, wide, high, middle: y });
  const gatewayX = side + (width - side - last) / 2 - side * (narrow ? 0.44 : 0.5);
  const gateway = box(gatewayX, middle, narrow ? side * 0.88 : side);
  return {
    width,
    height,
    narrow,
    queue: box(1, middle, side),
    gateway,
    versions: Array.from({ length: versions }, (_, at) => box(width - last - 1, (height / versions) * (at + 0.5), last)),
  };
}

const ends = (from, to) => [from.x + from.wide, from.middle, to.x, to.middle];

function along([x0, y0, x1, y1], t) {
  const bend = (x1 - x0) / 2;
  const u = 1 - t;
  return [
    u * u * u * x0 + 3 * u * u * t * (x0 + bend) + 3 * u * t * t * (x1 - bend) + t * t * t * x1,
    y0 * (u * u * u + 3 * u * u * t) + y1 * (3 * u * t * t + t * t * t),
  ];
}

const curve = ([x0, y0, x1, y1]) => `M${x0} ${y0}C${(x0 + x1) / 2} ${y0} ${(x0 + x1) / 2} ${y1} ${x1} ${y1}`;

export class Flow {
  constructor() {
    this.dots = [];
    this.perDot = 1;
    this.running = false;
  }

  // Returns the description of the picture; dots live in a group of their own.
  draw(route, width) {
    const at = (this.at = layout(width, route.versions.length));
    const per = (version) => version.second.acked + version.second.failed;
    const text = (box, line, size, words) =>
      h("text", { x: box.x + 12, y: box.y + 17 + line * 17, class: size }, cut(words, box.wide - 18));
    const node = (box, kind, lines, key, full) =>
      h(
        "g",
        { key, class: `node ${kind}` },
        h("title", {}, full),
        h("rect", { x: box.x, y: box.y, width: box.wide, height: box.high, rx: 8 }),
        lines.map((words, line) => text(box, line, line ? "small" : "strong", words)),
      );
    const edge = (from, to, share, kind, key) =>
      h("path", { key, d: curve(ends(from, to)), class: `edge ${kind}`, "stroke-width": (1.5 + 7 * share).toFixed(1) });
    const dead = route.redrive ? `redrive to ${route.redrive.queue}` : "";
    const description = route.versions
      .map((v) => `${v.name}: ${percent(shareSet(route, v))} set, ${count(per(v))} in the last second, ${count(v.second.failed)} of them failed`)
      .join("; ");
    return h(
      "svg",
      { role: "img", "aria-labelledby": "flow-title flow-text", width, height: at.height, viewBox: `0 0 ${width} ${at.height}`, class: "flow" },
      h("title", { id: "flow-title" }, `From ${route.queue} over the gateway to its versions`),
      h("desc", { id: "flow-text" }, `${rate(route.rates.received_per_second)} messages a second come in. ${description}.`),
      edge(at.queue, at.gateway, 1, "", "in"),
      route.versions.map((v, i) => edge(at.gateway, at.versions[i], shareSet(route, v), `c${i % 4}${shareSet(route, v) ? "" : " none"}`, `edge-${v.name}`)),
      node(at.queue, "queue", [route.queue, `${rate(route.rates.received_per_second)}/s in`, dead], "queue", `Queue ${route.queue}`),
      node(at.gateway, "gateway", ["gateway", `${count(route.in_flight)} in flight`, `of ${count(route.max_in_flight)}`], "gateway", "The gateway"),
      route.versions.map((v, i) =>
        node(
          at.versions[i],
          `c${i % 4}`,
          [
            `${v.name}${v.tag && v.tag !== v.name ? ` · ${v.tag}` : ""}`,
            `${count(per(v))}/s${v.second.failed ? `, ◆ ${count(v.second.failed)} failing` : ""}`,
            at.narrow ? `${count(v.in_flight)} in flight` : `${count(v.in_flight)} of ${count(v.max_in_flight)} in flight`,
          ],
          `version-${v.name}`,
          `${v.name}: ${v.url || v.queue}`,
        ),
      ),
      h("g", { key: "dots", own: true, class: "dots", "aria-hidden": "true" }),
    );
  }

  // Begins the dots of one second, once the picture is on the page.
  begin(route, group) {
    this.group = group;
    const all = route.versions.reduce((sum, v) => sum + v.second.acked + v.second.failed, 0);
    this.perDot = Math.max(1, Math.ceil(all / MOST_DOTS));
    if (still.matches) return this.stand(route);
    if (document.visibilityState === "hidden") return;
    const now = performance.now();
    route.versions.forEach((version, place) => {
      for (const [number, failed] of [[version.second.acked, false], [version.second.failed, true]]) {
        const dots = Math.ceil(number / this.perDot);
        for (let i = 0; i < dots; i++) this.add(place, failed, now + ((i + Math.random()) / dots) * 1000);
      }
    });
    if (!this.running && this.dots.length) {
      this.running = true;
      requestAnimationFrame((moment) => this.move(moment));
    }
  }

  clear() {
    this.dots.forEach((dot) => dot.node.remove());
    this.dots = [];
    this.group?.replaceChildren();
  }

  add(place, failed, begun) {
    const node = document.createElementNS(SVG, "path");
    node.setAttribute("class", `dot c${place % 4}`);
    this.dots.push({ place, failed, begun, node, turned: null });
  }

  move(now) {
    this.dots = this.dots.filter((dot) => {
      const part = (now - dot.begun) / (dot.failed ? FAILED_MS : CROSSING_MS);
      if (part >= 1 || !this.at.versions[dot.place]) {
        dot.node.remove();
        return false;
      }
      if (part >= 0) this.place(dot, part);
      return true;
    });
    this.running = this.dots.length > 0;
    if (this.running) requestAnimationFrame((moment) => this.move(moment));
  }

  place(dot, part) {
    const back = dot.failed && part > 0.55;
    if (dot.turned !== back) {
      dot.turned = back;
      shape(dot.node, back, dot.place);
      if (!dot.node.parentNode) this.group.append(dot.node);
    }
    const way = dot.failed ? (back ? 1 - (part - 0.55) / 0.45 : part / 0.55) : part;
    const { queue, gateway, versions } = this.at;
    const [x, y] = way < 0.4 ? along(ends(queue, gateway), way / 0.4) : along(ends(gateway, versions[dot.place]), (way - 0.4) / 0.6);
    dot.node.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
  }

  stand(route) {
    this.clear();
    const { gateway, versions } = this.at;
    route.versions.forEach((version, place) => {
      const all = version.second.acked + version.second.failed;
      const dots = Math.min(4, all);
      const failed = version.second.failed ? Math.max(1, Math.round((dots * version.second.failed) / all)) : 0;
      for (let i = 0; i < dots; i++) {
        const node = document.createElementNS(SVG, "path");
        shape(node, i < failed, place);
        const [x, y] = along(ends(gateway, versions[place]), (i + 1) / (dots + 1));
        node.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
        this.group.append(node);
      }
    });
  }
}

function shape(node, failed, place) {
  node.setAttribute("class", failed ? "dot failed" : `dot c${place % 4}`);
  node.setAttribute("d", failed ? "M0-7 7 0 0 7-7 0z" : "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0");
}

