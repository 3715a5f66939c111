// The briefing itself: any program. The first try of a run finds its source down, as mornings are.
const { HOLDFAST_ATTEMPT = "1", HOLDFAST_RUN = "by hand" } = process.env;
if (HOLDFAST_ATTEMPT === "1") {
  console.error("the calendar does not answer");
  process.exit(75); // EX_TEMPFAIL: worth another try
}
console.log(`Good morning. Three meetings today. (run ${HOLDFAST_RUN}, attempt ${HOLDFAST_ATTEMPT})`);
