#include "core/mqtt_fault.h"

#include <stdio.h>

enum outcome mqtt_outcome(int code)
{
	switch (code) {
	case MQTTREASONCODE_PACKET_TOO_LARGE:
	case MQTTREASONCODE_PAYLOAD_FORMAT_INVALID:
		return OUTCOME_REFUSED;
	case MQTTREASONCODE_NOT_AUTHORIZED:
	case MQTTREASONCODE_TOPIC_NAME_INVALID:
	case MQTTREASONCODE_BAD_USER_NAME_OR_PASSWORD:
	case MQTTREASONCODE_BAD_AUTHENTICATION_METHOD:
	case MQTTREASONCODE_BANNED:
	case MQTTREASONCODE_CLIENT_IDENTIFIER_NOT_VALID:
	case MQTTREASONCODE_UNSUPPORTED_PROTOCOL_VERSION:
	case MQTTREASONCODE_QOS_NOT_SUPPORTED:
	case MQTTREASONCODE_RETAIN_NOT_SUPPORTED:
	case 1: /* of a 3.1.1 CONNACK: protocol version */
	case 2: /* client id */
	case 4: /* user name or password */
	case 5: /* not authorised */
		return OUTCOME_HELD;
	default:
		return OUTCOME_RETRY;
	}
}

static const char *connack_text(int code)
{
	static const char *const texts[] = { NULL,
		"the broker does not know this version",
		"the broker refuses the client id", "the broker is not available",
		"user name or password is wrong", "not authorised" };

	return code >= 1 && code <= 5 ? texts[code] : NULL;
}

struct mqtt_fault mqtt_fault_of(
	const MQTTAsync_failureData *failure, const char *fallback)
{
	struct mqtt_fault fault = { .reason = fallback };

	if (failure && connack_text(failure->code)) {
		fault.code = failure->code;
		fault.reason = connack_text(failure->code);
	} else if (failure && failure->message) {
		fault.reason = failure->message;
	}
	return fault;
}

struct mqtt_fault mqtt_fault_of5(
	const MQTTAsync_failureData5 *failure, const char *fallback)
{
	struct mqtt_fault fault = { .reason = NULL };

	if (failure && failure->reasonCode >= MQTTREASONCODE_UNSPECIFIED_ERROR) {
		fault.code = (int)failure->reasonCode;
		fault.reason = MQTTReasonCode_toString(failure->reasonCode);
	}
	if (!fault.reason && failure)
		fault.reason = failure->message;
	if (!fault.reason)
		fault.reason = fallback;
	return fault;
}

void mqtt_trouble_note(struct mqtt_trouble *trouble, const struct mqtt_fault *fault)
{
	if (trouble->is_there && mqtt_outcome(fault->code) == OUTCOME_RETRY)
		return;
	trouble->is_there = true;
	trouble->code = fault->code;
	snprintf(trouble->reason, sizeof trouble->reason, "%s",
		fault->reason ? fault->reason : "no reason given");
}
