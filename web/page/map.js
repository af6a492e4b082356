// A map of nothing but the stations: nothing is fetched from elsewhere. Positions are true to
// scale (equirectangular about the middle); of crowded stations the worst has its number.
import { el, number, stationLink, svg } from "./tools.js";
import { words } from "./words.js";

const kmPerDegree = 111.32;
let view = null; // { x, y, km }: the middle, in km; km across the width
let points = [];
let frame, place, me, bounds;

function project(stations, here) {
	const middle = stations.reduce((sum, station) => sum + station.latitude, 0) / stations.length;
	const shrink = Math.cos(middle * Math.PI / 180);
	const at = (spot) => ({ x: spot.longitude * kmPerDegree * shrink, y: -spot.latitude * kmPerDegree });
	me = here ? at(here) : null;
	// The worst is drawn last, and labelled first.
	points = stations.map((station) => ({ ...at(station), station }))
		.sort((a, b) => (b.station.index?.value ?? -1) - (a.station.index?.value ?? -1));
	const xs = points.map((point) => point.x), ys = points.map((point) => point.y);
	bounds = { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
}

function whole() {
	const size = frame.getBoundingClientRect();
	const width = bounds.right - bounds.left, height = bounds.bottom - bounds.top;
	view = { x: (bounds.left + bounds.right) / 2, y: (bounds.top + bounds.bottom) / 2,
		km: Math.max(2, 1.35 * Math.max(width, height * size.width / size.height)) };
}

function marker(point, x, y, crowded) {
	const { station } = point;
	const level = station.index ? `aqi${station.index.level}` : "none";
	const value = station.index ? String(station.index.value) : words.noneShort;
	const name = `${station.name}: ${station.index ? `${value} ${words.levels[station.index.level - 1]}` : words.none}`;
	return svg("a", { href: stationLink(station.id), class: `spot ${level}`, "aria-label": name,
		transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` },
	svg("circle", { r: crowded ? 7 : 17 }),
	...(crowded ? [] : [svg("text", { class: "value", y: 5 }, value)]),
	svg("title", {}, name));
}

// The largest of 1, 2, 5, 10 … km that takes less than a third of the width.
const roundLength = (km) => [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500].filter((step) => step < km / 3).pop();

// Squares of that length, fixed to the ground.
function squares(width, height, perKm) {
	const side = roundLength(view.km) * perKm;
	const first = (middle, half) => ((half - middle * perKm) % side + side) % side;
	let path = "";
	for (let x = first(view.x, width / 2); x < width; x += side)
		path += `M${x.toFixed(1)} 0V${height}`;
	for (let y = first(view.y, height / 2); y < height; y += side)
		path += `M0 ${y.toFixed(1)}H${width}`;
	return svg("path", { class: "grid", d: path, "aria-hidden": "true" });
}

function scaleBar(width, height, km) {
	const length = roundLength(km);
	const pixels = length / km * width;
	return svg("g", { class: "scale", "aria-hidden": "true", transform: `translate(12 ${height - 14})` },
		svg("path", { d: `M0 -6V0H${pixels.toFixed(1)}V-6` }),
		svg("text", { x: pixels + 6, y: 1 }, `${number(length, length < 1 ? 1 : 0)} km`));
}

function draw() {
	const { width, height } = frame.getBoundingClientRect();
	if (width === 0)
		return;
	const perKm = width / view.km;
	const placed = [], labels = [], spots = [], names = [];
	frame.setAttribute("viewBox", `0 0 ${width} ${height}`);
	for (const point of points) {
		const x = (point.x - view.x) * perKm + width / 2, y = (point.y - view.y) * perKm + height / 2;
		if (x < -40 || y < -40 || x > width + 40 || y > height + 40)
			continue;
		const crowded = placed.some((spot) => Math.abs(spot.x - x) < 30 && Math.abs(spot.y - y) < 30);
		if (!crowded)
			placed.push({ x, y });
		spots.unshift(marker(point, x, y, crowded));
		const half = point.station.name.length * 3.7 + 4;
		const box = { left: x - half, right: x + half, top: y + 18, bottom: y + 36 };
		const hidden = crowded || labels.some((other) => box.left < other.right && box.right > other.left
			&& box.top < other.bottom && box.bottom > other.top);
		if (hidden)
			continue;
		labels.push(box);
		names.push(svg("text", { class: "place", x, y: y + 31, "aria-hidden": "true" }, point.station.name));
	}
	const self = me ? [svg("circle", { class: "me", r: 7, cx: (me.x - view.x) * perKm + width / 2,
		cy: (me.y - view.y) * perKm + height / 2 })] : [];
	const focused = document.activeElement?.closest?.("a.spot")?.getAttribute("href");
	frame.replaceChildren(squares(width, height, perKm), ...names, ...spots, ...self, scaleBar(width, height, view.km));
	if (focused)
		frame.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
}

function zoom(factor, clientX, clientY) {
	const size = frame.getBoundingClientRect();
	const km = Math.min(2000, Math.max(0.5, view.km * factor));
	const dx = clientX === undefined ? 0 : (clientX - size.left) / size.width - 0.5;
	const dy = clientY === undefined ? 0 : ((clientY - size.top) - size.height / 2) / size.width;
	view.x += dx * (view.km - km);
	view.y += dy * (view.km - km);
	view.km = km;
	draw();
}

function pan(dx, dy) {
	const perKm = frame.getBoundingClientRect().width / view.km;
	view.x -= dx / perKm;
	view.y -= dy / perKm;
	draw();
}

// One finger moves, two zoom; a tap stays a tap on a station.
function listen() {
	const fingers = new Map();
	let moved = 0;
	const spread = () => {
		const [a, b] = [...fingers.values()];
		return Math.hypot(a.x - b.x, a.y - b.y);
	};
	frame.addEventListener("pointerdown", (event) => {
		fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
		moved = 0;
	});
	frame.addEventListener("pointermove", (event) => {
		const last = fingers.get(event.pointerId);
		if (!last)
			return;
		const before = fingers.size === 2 ? spread() : 0;
		const dx = event.clientX - last.x, dy = event.clientY - last.y;
		moved += Math.abs(dx) + Math.abs(dy);
		fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
		if (moved > 6 && !frame.hasPointerCapture(event.pointerId))
			frame.setPointerCapture(event.pointerId);
		if (fingers.size === 2 && before > 0 && spread() > 0)
			zoom(before / spread(), event.clientX, event.clientY);
		else if (fingers.size === 1 && moved > 6)
			pan(dx, dy);
	});
	for (const type of ["pointerup", "pointercancel"])
		frame.addEventListener(type, (event) => fingers.delete(event.pointerId));
	frame.addEventListener("click", (event) => {
		if (moved > 6)
			event.preventDefault();
	}, true);
	frame.addEventListener("dragstart", (event) => event.preventDefault());
	frame.addEventListener("wheel", (event) => {
		event.preventDefault();
		zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, event.clientX, event.clientY);
	}, { passive: false });
	place.addEventListener("keydown", (event) => {
		const keys = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
		if (keys[event.key])
			pan(...keys[event.key]);
		else if (event.key === "+" || event.key === "-")
			zoom(event.key === "+" ? 0.7 : 1.4);
		else
			return;
		event.preventDefault();
	});
	new ResizeObserver(draw).observe(frame);
}

function button(name, label, act) {
	return el("button", { type: "button", "aria-label": label, title: label, click: act }, name);
}

export function showMap(where, stations, here) {
	if (stations.length === 0) {
		where.replaceChildren(el("p", {}, words.noMap));
		frame = null;
		return;
	}
	project(stations, here);
	if (!frame) {
		place = where;
		frame = svg("svg", { role: "group", tabindex: 0, "aria-label": words.mapLabel });
		where.replaceChildren(frame, el("div", { class: "zoom" },
			button("+", words.zoomIn, () => zoom(0.7)), button("−", words.zoomOut, () => zoom(1.4)),
			button("⤢", words.whole, () => { whole(); draw(); })));
		listen();
		view = null;
	}
	const set = stations.map((station) => station.id).join();
	if (!view || where.dataset.set !== set)
		whole();
	where.dataset.set = set;
	draw();
}
