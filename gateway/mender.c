#include "gateway/mender.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "alerts/notice.h"
#include "core/clock.h"
#include "core/log.h"
#include "store/salvage.h"
#include "store/state.h"

struct mender {
	const struct config *config;
	struct store *store;
	struct recorder_stats *stats;
	struct salvage *salvage;
};

static void show(struct mender *mender)
{
	struct recorder_stats *stats = mender->stats;

	stats->salvaged = store_mark(mender->store, STORE_SALVAGED);
	stats->unreadable = store_mark(mender->store, STORE_UNREADABLE);
	stats->salvaging = mender->salvage != NULL;
}

struct mender *mender_start(
	const struct config *config, struct store *store, struct recorder_stats *stats)
{
	struct mender *mender = calloc(1, sizeof *mender);

	if (!mender)
		return NULL;
	*mender = (struct mender){
		.config = config,
		.store = store,
		.stats = stats,
		.salvage = salvage_resume(store),
	};
	show(mender);
	if (mender->salvage)
		return mender;
	free(mender);
	return NULL;
}

void mender_free(struct mender *mender)
{
	if (!mender)
		return;
	salvage_close(mender->salvage);
	free(mender);
}

static int tell(struct mender *mender, const struct salvage_result *result)
{
	char vi[700], en[700];
	const struct notice notice = {
		.rule = "store",
		.titles = { "Kho dữ liệu bị hỏng", "The store was damaged" },
		.texts = { vi, en },
	};

	snprintf(vi, sizeof vi,
		"Đã cứu được %" PRId64 " bản ghi, mất %" PRId64
		". Tệp hỏng được giữ lại ở %s. Hãy kiểm tra thẻ nhớ hoặc ổ đĩa.",
		result->saved, result->lost, result->path);
	snprintf(en, sizeof en,
		"%" PRId64 " reports were saved, %" PRId64
		" are lost. The damaged file is kept as %s. Please check the card or disk.",
		result->saved, result->lost, result->path);
	log_error("salvage: %s", en);
	return notice_operators(mender->store, mender->config, &notice, clock_wall_ms());
}

enum mender_step mender_step(struct mender *mender)
{
	struct salvage_result result;

	if (!mender || !mender->salvage)
		return MENDER_IDLE;
	int step = salvage_step(mender->salvage, &result);
	if (step != 0)
		return step < 0 ? MENDER_FAILED : MENDER_WORKED;
	if (tell(mender, &result) < 0 || store_commit(mender->store) < 0) {
		store_rollback(mender->store);
		/* From the note in the store, which still stands. */
		salvage_close(mender->salvage);
		mender->salvage = salvage_resume(mender->store);
		return MENDER_FAILED;
	}
	salvage_close(mender->salvage);
	mender->salvage = salvage_resume(mender->store);
	show(mender);
	return MENDER_TOLD;
}
