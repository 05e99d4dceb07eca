package org.rekindle.data.formats;

import java.util.Optional;
import java.util.PrimitiveIterator;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.page.DataPage;
import org.apache.parquet.column.page.DictionaryPage;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.column.page.PageReader;

/** A row group without its pages of no value: pyarrow writes such, and parquet-column fails on them. */
record FullPages(PageReadStore all) implements PageReadStore {

    @Override
    public PageReader getPageReader(ColumnDescriptor column) {
        PageReader pages = all.getPageReader(column);
        return new PageReader() {
            @Override
            public DictionaryPage readDictionaryPage() {
                return pages.readDictionaryPage();
            }

            @Override
            public long getTotalValueCount() {
                return pages.getTotalValueCount();
            }

            @Override
            public DataPage readPage() {
                DataPage page = pages.readPage();
                while (page != null && page.getValueCount() == 0) {
                    page = pages.readPage();
                }
                return page;
            }
        };
    }

    @Override
    public long getRowCount() {
        return all.getRowCount();
    }

    @Override
    public Optional<Long> getRowIndexOffset() {
        return all.getRowIndexOffset();
    }

    @Override
    public Optional<PrimitiveIterator.OfLong> getRowIndexes() {
        return all.getRowIndexes();
    }

    @Override
    public void close() {
        all.close();
    }
}
