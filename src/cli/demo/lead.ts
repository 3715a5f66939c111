/** Somebody to enrich, score, write to the CRM and enrol: one row of the file. */
export interface Lead {
  /** What all four APIs and the dead letters know it by. */
  readonly id: string;
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly company: string;
  readonly country: string;
  /** As the file has it: mostly a number, sometimes what somebody typed instead. */
  readonly employees: string;
}

/** The file's columns, in their order, and the field that each one fills. */
export const COLUMNS: readonly (readonly [column: string, field: keyof Lead])[] = [
  ["id", "id"],
  ["email", "email"],
  ["first_name", "firstName"],
  ["last_name", "lastName"],
  ["company", "company"],
  ["country", "country"],
  ["employees", "employees"],
];
