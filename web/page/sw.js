// The worker: shows what is pushed, and what was seen last where there is no connection.
const kept = "muabui-pages";
const pushKept = "muabui-push";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

// --- alerts ---------------------------------------------------------------------------------

// Whatever comes, something is shown: browsers take the permission away otherwise.
function read(event) {
	try {
		return event.data.json();
	} catch {
		return { title: "Không khí và mưa", text: event.data?.text() ?? "" };
	}
}

const addressOf = (alert) => (alert.station ? `/stations/${encodeURIComponent(alert.station)}` : "/alerts")
	+ (alert.language === "en" ? "?lang=en" : "");

async function notify(alert) {
	const over = alert.state === "resolved";
	// Without an id it is nobody's successor.
	const shown = alert.id ? await self.registration.getNotifications({ tag: alert.id }) : [];
	// A message that was overtaken on its way changes nothing.
	if (shown.some((old) => (old.data?.revision ?? 0) > (alert.revision ?? 0)))
		return;
	const last = shown[0]?.data?.severity;
	const order = ["minor", "moderate", "severe", "extreme"];
	const worse = order.indexOf(alert.severity) > order.indexOf(last);
	const body = [alert.text, over ? "" : alert.instruction].filter(Boolean).join("\n");
	await self.registration.showNotification(alert.title, {
		body,
		tag: alert.id,
		// Told anew when it begins or grows worse; an all-clear takes its place silently.
		renotify: Boolean(alert.id) && !over && (shown.length === 0 || worse),
		silent: over,
		requireInteraction: !over && (alert.severity === "severe" || alert.severity === "extreme"),
		lang: alert.language,
		icon: "/icon-192.png",
		badge: "/icon-192.png",
		timestamp: Date.parse(alert.at) || undefined,
		data: { address: addressOf(alert), revision: alert.revision, severity: alert.severity, expires: alert.expires },
	});
}

self.addEventListener("push", (event) => event.waitUntil(notify(read(event))));

async function open(address) {
	const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
	for (const client of windows) {
		if (new URL(client.url).origin !== self.location.origin || !("navigate" in client))
			continue;
		await client.focus();
		return client.navigate(address).catch(() => self.clients.openWindow(address));
	}
	return self.clients.openWindow(address);
}

self.addEventListener("notificationclick", (event) => {
	event.notification.close();
	event.waitUntil(open(event.notification.data?.address ?? "/alerts"));
});

async function keepWishes(memory) {
	await (await caches.open(pushKept)).put("/push-kept", new Response(JSON.stringify(memory)));
}

// The browser has replaced its subscription: the gateway is told, with the same wishes.
async function renew(event) {
	const memory = await (await (await caches.open(pushKept)).match("/push-kept"))?.json();
	if (!memory)
		return;
	const { key } = await (await fetch("/api/v1/push-key")).json();
	const subscription = event.newSubscription
		?? await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
	const answer = await fetch("/api/v1/subscriptions", { method: "POST", headers: { "Content-Type": "application/json" },
		body: JSON.stringify({ ...subscription.toJSON(), ...memory.wishes }) });
	if (answer.status !== 201)
		throw new Error(`subscribing anew: status ${answer.status}`);
	const { id } = await answer.json();
	await keepWishes({ ...memory, id });
	for (const client of await self.clients.matchAll({ type: "window" }))
		client.postMessage({ push: { ...memory, id } });
	if (memory.id !== id)
		await fetch(`/api/v1/subscriptions/${encodeURIComponent(memory.id)}`, { method: "DELETE" }).catch(() => {});
}

self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event)));

// --- without a connection ---------------------------------------------------------------------

const isFile = (url) => url.pathname.startsWith("/assets/");

// The last chart is better than none: its span is no part of what it is kept under.
function keyOf(request) {
	const url = new URL(request.url ?? request, self.location.origin);
	if (url.pathname.endsWith("/history"))
		for (const name of ["from", "to"])
			url.searchParams.delete(name);
	return url.href;
}

// Pages and answers are kept with when they came, so that their age can be told.
async function keep(request, answer) {
	const headers = new Headers(answer.headers);
	headers.set("X-Kept-At", String(Date.now()));
	headers.delete("Content-Encoding");
	const cache = await caches.open(kept);
	await cache.put(keyOf(request), new Response(await answer.blob(), { status: answer.status, headers }));
}

async function prune() {
	const cache = await caches.open(kept);
	const requests = await cache.keys();
	for (const request of requests.slice(0, Math.max(0, requests.length - 120)))
		await cache.delete(request);
}

// A page out of the cache says so, for page.js to count its ages from then.
async function fromCache(request) {
	const cache = await caches.open(kept);
	const answer = await cache.match(keyOf(request))
		?? (request.mode === "navigate" ? await cache.match("/") ?? await cache.match("/?lang=en") : undefined);
	if (!answer)
		return Response.error();
	if (request.mode !== "navigate")
		return answer;
	const text = await answer.text();
	const at = Number(answer.headers.get("X-Kept-At"));
	return new Response(text.replace("<html ", `<html data-cached="${at}" `), { headers: answer.headers });
}

async function fromNetwork(event) {
	try {
		const answer = await fetch(event.request);
		if (answer.ok)
			event.waitUntil(keep(event.request, answer.clone()));
		return answer;
	} catch {
		return fromCache(event.request);
	}
}

async function fileFirst(request) {
	const cache = await caches.open(kept);
	const old = await cache.match(request);
	if (old)
		return old;
	const answer = await fetch(request);
	// Only what may be kept for ever is what its address says.
	if (answer.ok && answer.headers.get("Cache-Control")?.includes("immutable"))
		await cache.put(request, answer.clone());
	return answer;
}

self.addEventListener("fetch", (event) => {
	const url = new URL(event.request.url);
	if (event.request.method !== "GET" || url.origin !== self.location.origin || url.pathname === "/api/v1/events"
		|| url.pathname === "/api/v1/push-key")
		return;
	event.respondWith(isFile(url) ? fileFirst(event.request) : fromNetwork(event));
});

// The first visit was loaded before there was a worker.
self.addEventListener("message", (event) => {
	if (!Array.isArray(event.data?.keep))
		return;
	event.waitUntil(Promise.all(event.data.keep.map(async (address) => {
		const url = new URL(address, self.location.origin);
		const cache = await caches.open(kept);
		if (isFile(url))
			return (await cache.match(address)) ?? cache.add(address);
		const answer = await fetch(address);
		return answer.ok ? keep(address, answer) : undefined;
	})).then(prune));
});
