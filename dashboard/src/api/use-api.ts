import {
  infiniteQueryOptions,
  keepPreviousData,
  QueryClient,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
  type UseMutationResult,
  type UseQueryResult,
} from "@tanstack/react-query";
import { useMemo } from "react";
import { ApiError, ask, type Answer, type Asked, type Item, type RouteName } from "./client.ts";

/** How often what is shown is read anew although nothing was heard: other processes over the store are not heard here. */
const EVERY_MS = 15_000;

export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 2_000,
        // What was refused stays refused; a gateway that restarts is asked again for a while.
        retry: (count, error) => !(error instanceof ApiError && error.status < 500) && count < 3,
        placeholderData: keepPreviousData,
        refetchOnWindowFocus: true,
      },
    },
  });
}

export interface Reading {
  readonly enabled?: boolean;
  /** @default 15 s */
  readonly everyMs?: number | false;
}

/** Reads a route, and goes on reading it. The key begins with the route's name: that is what live events make stale. */
export function useApi<Name extends RouteName>(
  name: Name,
  asked: Asked<Name> = {},
  { enabled = true, everyMs = EVERY_MS }: Reading = {},
): UseQueryResult<Answer<Name>> {
  return useQuery({
    queryKey: [name, asked],
    queryFn: ({ signal }) => ask(name, asked, signal),
    enabled,
    refetchInterval: everyMs,
  }) as UseQueryResult<Answer<Name>>;
}

type Listing = {
  [Name in RouteName]: Answer<Name> extends { readonly items: readonly unknown[]; readonly next: string | null } ? Name : never;
}[RouteName];

export interface Listed<One> {
  readonly items: readonly One[];
  readonly isPending: boolean;
  readonly error: Error | null;
  readonly hasMore: boolean;
  readonly isFetchingMore: boolean;
  readonly more: () => void;
  readonly again: () => void;
}

const PAGE = 200;

/** Reads a list page by page, as far as somebody scrolls. */
export function useListing<Name extends Listing>(
  name: Name,
  query: NonNullable<Asked<Name>["query"]>,
  params?: Asked<Name>["params"],
): Listed<Item<Name>> {
  const found = useInfiniteQuery(
    infiniteQueryOptions({
      queryKey: [name, "pages", query, params],
      queryFn: async ({ pageParam, signal }) => {
        const paged = { ...query, limit: PAGE, ...(pageParam === null ? {} : { after: pageParam }) } as NonNullable<Asked<Name>["query"]>;
        return (await ask(name, { query: paged, ...(params === undefined ? {} : { params }) }, signal)) as {
          readonly items: readonly Item<Name>[];
          readonly next: string | null;
        };
      },
      initialPageParam: null as string | null,
      getNextPageParam: ({ next }) => next,
      refetchInterval: EVERY_MS,
    }),
  );
  const items = useMemo(() => found.data?.pages.flatMap((page) => page.items) ?? [], [found.data]);
  return {
    items,
    isPending: found.isPending,
    error: found.error,
    hasMore: found.hasNextPage,
    isFetchingMore: found.isFetchingNextPage,
    more: () => void found.fetchNextPage(),
    again: () => void found.refetch(),
  };
}

/** Does something, and reads anew what it may have changed. */
export function useAction<Name extends RouteName>(
  name: Name,
  changes: readonly RouteName[],
): UseMutationResult<Answer<Name>, Error, Asked<Name>> {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (asked: Asked<Name>) => ask(name, asked),
    onSettled: () => Promise.all(changes.map((changed) => client.invalidateQueries({ queryKey: [changed] }))),
  });
}
