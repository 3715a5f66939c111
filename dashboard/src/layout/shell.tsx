import { Keyboard, LogOut, Menu, Moon, Sun } from "lucide-react";
import { useCallback, useState, type ReactNode } from "react";
import { useSession } from "../api/session.tsx";
import { switchTheme, useShownTheme } from "../design/theme.ts";
import iconUrl from "../design/icon.svg";
import { Link } from "../router/link.tsx";
import { IconButton } from "../ui/button.tsx";
import { Help } from "./help.tsx";
import { LiveLight } from "./live-light.tsx";
import { Nav } from "./nav.tsx";
import { useShortcuts } from "./use-shortcuts.ts";

/** What is around every page. */
export function Shell({ children }: { readonly children: ReactNode }): ReactNode {
  const [menu, setMenu] = useState(false);
  const [help, setHelp] = useState(false);
  const showHelp = useCallback(() => setHelp(true), []);
  useShortcuts(showHelp);
  const theme = useShownTheme();
  const { name, signedIn, signOut } = useSession();
  return (
    <div className="shell" data-menu={menu}>
      <a href="#page" className="skip">
        To the page
      </a>
      <header className="topbar">
        <span className="menu-button">
          <IconButton icon={Menu} label="Menu" aria-expanded={menu} onClick={() => setMenu(!menu)} />
        </span>
        <Link href="/" className="brand">
          <img src={iconUrl} alt="" width={22} height={22} />
          Holdfast
        </Link>
        <span className="topbar-fill" />
        <LiveLight />
        {signedIn && <span className="who">{name}</span>}
        <IconButton icon={Keyboard} label="Keys" onClick={showHelp} />
        <IconButton icon={theme === "dark" ? Sun : Moon} label={theme === "dark" ? "Light" : "Dark"} onClick={switchTheme} />
        {signedIn && <IconButton icon={LogOut} label="Sign out" onClick={signOut} />}
      </header>
      <div className="sidebar">
        <Nav onGo={() => setMenu(false)} />
      </div>
      {menu && <button type="button" className="menu-shade" aria-label="Close the menu" onClick={() => setMenu(false)} />}
      <main id="page" className="page" tabIndex={-1}>
        {children}
      </main>
      {help && <Help onClose={() => setHelp(false)} />}
    </div>
  );
}
