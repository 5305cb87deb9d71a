// The mark: a doctor's bag with a brass clasp, small for headings and large for the lock screen.

export function Bag() {
  return (
    <svg className="bag" width="24" height="24" viewBox="0 0 24 24" aria-hidden="true">
      <path d="M8.6 8V6.4A2.4 2.4 0 0 1 11 4h2a2.4 2.4 0 0 1 2.4 2.4V8" fill="none" stroke="currentColor" strokeWidth="1.7" />
      <path d="M5.5 7.5h13c2.5 1 4 3.1 4 6v5.3a2.2 2.2 0 0 1-2.2 2.2H3.7a2.2 2.2 0 0 1-2.2-2.2v-5.3c0-2.9 1.5-5 4-6z" fill="currentColor" />
      <path d="M2 12h20" stroke="var(--sunken)" strokeWidth="1.1" />
      <rect x="10.2" y="10" width="3.6" height="4.6" rx="1" fill="var(--brass)" stroke="var(--sunken)" strokeWidth=".8" />
    </svg>
  );
}

export function LargeBag() {
  return (
    <svg className="bag" width="160" height="116" viewBox="0 0 160 116" aria-hidden="true">
      <path d="M60 36V25a13 13 0 0 1 13-13h14a13 13 0 0 1 13 13v11" fill="none" stroke="currentColor" strokeWidth="7" strokeLinecap="round" />
      <path d="M32 38h96c15 6 24 18 24 34v24a14 14 0 0 1-14 14H22A14 14 0 0 1 8 96V72c0-16 9-28 24-34z" fill="currentColor" />
      <path d="M8 78h144" stroke="var(--surface)" strokeOpacity=".18" strokeWidth="1.5" strokeDasharray="4 4" />
      <path d="M40 44h10v66H40zM110 44h10v66h-10z" fill="var(--text)" fillOpacity=".2" />
      <rect x="38" y="70" width="14" height="11" rx="2.5" fill="none" stroke="var(--brass)" strokeWidth="2.5" />
      <rect x="108" y="70" width="14" height="11" rx="2.5" fill="none" stroke="var(--brass)" strokeWidth="2.5" />
      <rect x="24" y="32" width="112" height="13" rx="6.5" fill="currentColor" stroke="var(--surface)" strokeWidth="3" />
      <rect x="69" y="33" width="22" height="29" rx="5" fill="var(--brass)" stroke="var(--surface)" strokeWidth="3" />
      <circle cx="80" cy="46" r="3" fill="var(--surface)" />
      <path d="M78.8 46h2.4v7h-2.4z" fill="var(--surface)" />
    </svg>
  );
}
