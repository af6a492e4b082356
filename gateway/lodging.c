#include "gateway/lodging.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alerts/notice.h"
#include "core/clock.h"
#include "core/log.h"
#include "store/refuge.h"

enum {
	HOME_BYTES = 1024 * 1024, /* free, or there is no starting at home */
	REFUGE_BYTES = 64 * 1024 * 1024,
};

void lodging_ring_path(const struct store_config *config, char path[static PATH_MAX])
{
	if (*config->ring)
		snprintf(path, PATH_MAX, "%s", config->ring);
	else
		snprintf(path, PATH_MAX, "%s.ring", config->path);
}

int lodging_trouble(const struct store_config *home)
{
	char ring[PATH_MAX];

	lodging_ring_path(home, ring);
	return refuge_trouble(
		home->path, HOME_BYTES + (access(ring, F_OK) == 0 ? 0 : home->ring_size));
}

bool lodging_take(struct lodging *lodging, const struct config *home, int trouble)
{
	struct store_config *store = &lodging->config.store;

	if (!refuge_path(home->store.path, lodging->path))
		return false;
	log_error("%s: %s; from now on everything is kept in memory, at %s",
		home->store.path, strerror(trouble), lodging->path);
	lodging->config = *home;
	store->path = lodging->path;
	store->ring = "";
	if (store->max_size > REFUGE_BYTES)
		store->max_size = REFUGE_BYTES;
	return true;
}

static void tell_operators(
	struct store *store, const struct config *config, const struct notice *notice)
{
	if (store_begin(store) == 0 &&
		notice_operators(store, config, notice, clock_wall_ms()) >= 0 &&
		store_commit(store) == 0)
		return;
	store_rollback(store);
	log_warning("store: %s", store_error(store));
}

bool lodging_move_in(struct store *store, const struct config *config, const char *home)
{
	static const struct notice notice = {
		.rule = "store",
		.titles = { "Ổ đĩa của trạm không ghi được",
			"The gateway's disk takes nothing" },
		.texts = { "Dữ liệu tạm giữ trong bộ nhớ và sẽ mất nếu mất điện. Hãy kiểm tra "
			   "ổ đĩa hoặc thẻ nhớ.",
			"Data are kept in memory meanwhile, and a power cut would take "
			"them. Look at the disk or memory card." },
	};

	if (refuge_is_entered(store))
		return true;
	if (refuge_enter(store, home) < 0) {
		log_error("store: %s", store_error(store));
		return false;
	}
	tell_operators(store, config, &notice);
	return true;
}

void lodging_bring_home(struct store *store, const struct config *config)
{
	static const struct notice notice = {
		.rule = "store",
		.titles = { "Ổ đĩa của trạm ghi được trở lại",
			"The gateway's disk works again" },
		.texts = { "Dữ liệu giữ trong bộ nhớ đã được lưu vào ổ đĩa.",
			"What was kept in memory is on the disk now." },
	};
	char refuge[PATH_MAX];
	int64_t reports;

	if (!refuge_path(config->store.path, refuge) || !refuge_is_used(refuge))
		return;
	if (refuge_leave(store, refuge, &reports) < 0) {
		log_error(
			"%s: cannot be brought home yet: %s", refuge, store_error(store));
		return;
	}
	log_notice("%s: %lld reports were brought home", refuge, (long long)reports);
	tell_operators(store, config, &notice);
}
