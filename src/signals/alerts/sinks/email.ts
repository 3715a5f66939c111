import { headline, type AlertNotice } from "../notice.ts";

/** What nodemailer's transports have; a transport is handed in. */
export interface EmailTransport {
  sendMail(mail: { readonly from: string; readonly to: string; readonly subject: string; readonly text: string }): Promise<unknown>;
}

/** A notice as plain text. No line of what strangers sent can add a header: subjects are one line. */
export function email(notice: AlertNotice): { readonly subject: string; readonly text: string } {
  const { words, advice, rule, subject, since, at, tier } = notice;
  return {
    subject: headline(notice).replaceAll(/\s+/g, " ").slice(0, 200),
    text: [
      words,
      "",
      `rule     ${rule}`,
      `about    ${subject}`,
      `tier     ${tier}`,
      `since    ${since}`,
      `now      ${at}`,
      "",
      `Next: ${advice}.`,
      "",
    ].join("\n"),
  };
}
