// What takes a browser long to prepare and every page needs: done while the modules are on their way.
void [new Intl.NumberFormat("en"), new Intl.RelativeTimeFormat("en"), new Intl.DateTimeFormat("en")];
