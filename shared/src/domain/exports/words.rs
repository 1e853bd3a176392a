//! What an export is of, as which file, and where it stands.

use crate::kernel::words;

words! {
    /// Of what.
    ExportKind {
        /// Everything about one person (GDPR, articles 15 and 20).
        PersonalData = "personal_data",
        /// Who did what.
        AuditLog = "audit_log",
        /// Orders and their lines.
        Orders = "orders",
        /// Invoices, credit notes and their lines.
        Invoices = "invoices",
        /// Accounts.
        Users = "users",
        /// Figures by month.
        Report = "report",
    }

    /// As which kind of file.
    ExportFormat {
        /// Comma-separated values (RFC 4180) of the first table.
        Csv = "csv",
        /// A list of objects, of the first table; personal data: an object of such lists.
        Json = "json",
        /// A workbook with a sheet for each table (ISO/IEC 29500), and a further one after 1,048,576 rows.
        Xlsx = "xlsx",
        /// A CSV for each table, and the files that belong to it.
        Zip = "zip",
    }

    /// Where an export stands.
    ExportStatus {
        /// Waits for a worker.
        Requested = "requested",
        /// Being written.
        Running = "running",
        /// Its file is there.
        Ready = "ready",
        /// It could not be made.
        Failed = "failed",
        /// Its file is gone: past its term, or taken away.
        Expired = "expired",
        /// Nobody wants it any more.
        Cancelled = "cancelled",
    }
}

impl ExportKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::PersonalData, Self::AuditLog, Self::Orders, Self::Invoices, Self::Users, Self::Report];
}

impl ExportFormat {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Csv, Self::Json, Self::Xlsx, Self::Zip];

    /// Its media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Zip => "application/zip",
        }
    }
}

impl ExportStatus {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Requested, Self::Running, Self::Ready, Self::Failed, Self::Expired, Self::Cancelled];
}
