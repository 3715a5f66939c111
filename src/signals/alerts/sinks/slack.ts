import { headline } from "../notice.ts";
import type { Render } from "./sink.ts";

/** Slack's incoming webhooks, and what takes the same (Mattermost, Rocket.Chat, Discord with `/slack`): `text`, and blocks for those who show them. */
export const slack: Render<{ readonly url: string }> = (notice, { url }) => {
  const sign = notice.change === "resolved" ? ":white_check_mark:" : notice.tier === "critical" ? ":red_circle:" : ":large_yellow_circle:";
  const title = `${sign} ${escape(headline(notice))}`;
  return {
    url,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      text: title,
      blocks: [
        { type: "section", text: { type: "mrkdwn", text: title } },
        { type: "context", elements: [{ type: "mrkdwn", text: `${escape(notice.advice)} · since ${notice.since}` }] },
      ],
    }),
  };
};

/** What failed comes from strangers, and must not mention a channel. */
function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
