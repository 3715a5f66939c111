import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { Link } from "../router/link.tsx";
import { useListKeys } from "./use-list-keys.ts";

export interface Column<Row> {
  readonly id: string;
  readonly head: string;
  /** A track of a CSS grid, such as `120px` or `minmax(0, 2fr)`. */
  readonly width: string;
  readonly align?: "end";
  /** Left out where there is no room for it. */
  readonly wide?: true;
  readonly cell: (row: Row) => ReactNode;
}

interface DataTableProps<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  /** Where a row leads; its first cell is the link. */
  readonly href?: (row: Row) => string;
  readonly onEnd?: (() => void) | undefined;
  /** What stands below the last row. */
  readonly foot?: ReactNode;
}

const ROW_PX = 44;

/** A list of any length: only what is in sight is in the page. `j` and `k` go through it, and Enter opens a row. */
export function DataTable<Row>({ label, columns, rows, rowKey, href, onEnd, foot }: DataTableProps<Row>): ReactNode {
  const list = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => setTop((list.current?.getBoundingClientRect().top ?? 0) + window.scrollY), [rows.length === 0]);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => ROW_PX,
    overscan: 8,
    scrollMargin: top,
    getItemKey: (index) => rowKey(rows[index] as Row),
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? -1;
  useEffect(() => {
    if (last >= rows.length - 20) onEnd?.();
  }, [last, rows.length, onEnd]);
  useListKeys(list, rows.length, (index) => virtual.scrollToIndex(index, { align: "auto" }));

  const tracks = (some: readonly Column<Row>[]): string => some.map(({ width }) => width).join(" ");
  const style = { "--tracks": tracks(columns), "--narrow-tracks": tracks(columns.filter(({ wide }) => wide !== true)) } as Record<
    string,
    string
  >;

  return (
    <div className="table" role="table" aria-label={label} aria-rowcount={rows.length + 1} style={style}>
      <div className="table-head" role="rowgroup">
        <div className="row" role="row" aria-rowindex={1}>
          {columns.map((column) => (
            <div key={column.id} role="columnheader" className={cellClass(column)}>
              {column.head}
            </div>
          ))}
        </div>
      </div>
      <div ref={list} role="rowgroup" className="table-rows" style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const row = rows[item.index] as Row;
          return (
            <RowInMemory
              key={item.key}
              index={item.index}
              top={item.start - virtual.options.scrollMargin}
              row={row}
              columns={columns as readonly Column<unknown>[]}
              href={href?.(row)}
              measure={virtual.measureElement}
            />
          );
        })}
      </div>
      {foot !== undefined && <div className="table-foot">{foot}</div>}
    </div>
  );
}

interface TableRowProps {
  readonly index: number;
  readonly top: number;
  readonly row: unknown;
  readonly columns: readonly Column<unknown>[];
  readonly href: string | undefined;
  readonly measure: (element: HTMLElement | null) => void;
}

/** Scrolling shows new rows, and leaves those that stay as they are. */
const RowInMemory: (props: TableRowProps) => ReactNode = memo(TableRow);

function TableRow({ index, top, row, columns, href, measure }: TableRowProps): ReactNode {
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      data-index={index}
      ref={measure}
      className={href === undefined ? "row" : "row row-link"}
      style={{ transform: `translateY(${top}px)` }}
    >
      {columns.map((column, place) => (
        <div key={column.id} role="cell" className={cellClass(column)}>
          {href !== undefined && place === 0 ? (
            <Link href={href} className="row-target" data-row={index}>
              {column.cell(row)}
            </Link>
          ) : (
            column.cell(row)
          )}
        </div>
      ))}
    </div>
  );
}

function cellClass({ align, wide }: Pick<Column<never>, "align" | "wide">): string {
  return `cell${align === "end" ? " cell-end" : ""}${wide === true ? " cell-wide" : ""}`;
}
